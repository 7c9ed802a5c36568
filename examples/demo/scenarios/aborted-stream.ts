/** @module Scene 3: a stream that the user leaves half-way, which never reports its usage. */
import { usd } from "../money.ts";
import { check, fact, type Scene } from "../report.ts";
import { LONG_ANSWER, LONG_ANSWER_TOKENS, SUPPORT_QUESTION, SUPPORT_QUESTION_TOKENS } from "../texts.ts";
import { trueCostOf, truthOf, type CallTags } from "../truth.ts";
import type { World } from "../world.ts";

const CHUNKS = 40;
const READ = 20;

export async function abortedStream(world: World): Promise<Scene> {
  const { server, holdfast } = world;
  const tags: CallTags = { agent: "writer", tenant: "acme", user: "ann", requestId: "aborted" };
  // The provider writes half of the answer and goes on only when the client is still there.
  server.script([
    {
      content: LONG_ANSWER,
      chunks: CHUNKS,
      hangAfterChunk: READ,
      usage: { inputTokens: SUPPORT_QUESTION_TOKENS, outputTokens: LONG_ANSWER_TOKENS },
    },
  ]);
  const before = (await world.balance("tenant-day", "acme"))!;

  const stream = await holdfast.with(tags, () =>
    world.client(tags.agent).chat.completions.create({
      model: "gpt-4.1-mini",
      messages: SUPPORT_QUESTION,
      max_completion_tokens: 800,
      stream: true,
      metadata: tags,
    }),
  );
  let read = 0;
  for await (const chunk of stream) {
    if ((chunk.choices[0]?.delta.content ?? "") !== "") read += 1;
    if (read === READ) stream.controller.abort();
  }
  await world.settled();

  const after = (await world.balance("tenant-day", "acme"))!;
  const record = world.records.find(({ requestId }) => requestId === tags.requestId)!;
  const entry = truthOf(record, server.ledger)!;
  const truth = trueCostOf([entry]);
  const charged = after.spent.nanoUsd - before.spent.nanoUsd;
  return {
    title: "A stream aborted half-way, charged honestly",
    lines: [
      check(
        "what happened",
        `the client left after ${read} of ${CHUNKS} chunks; the provider never sent its usage`,
        read === READ && entry.clientClosedEarly && entry.outcome === "aborted",
      ),
      fact(
        "provider's truth",
        `${usd(truth)}: ${entry.billed.inputTokens} input and ${entry.billed.outputTokens} output tokens`,
      ),
      check(
        "charged",
        `${usd(charged)}: ${record.inputTokens} input and ${record.outputTokens} output tokens, flagged ${record.usageSource}`,
        record.usageSource === "estimated" && record.outcome === "partial" && record.costNanoUsd === charged,
      ),
      check(
        "not too little, not too much",
        `${usd(BigInt(charged) - truth)} above the truth, and below the hold of ${usd(record.heldNanoUsd)}`,
        BigInt(charged) >= truth && charged < record.heldNanoUsd && after.held.nanoUsd === 0,
      ),
    ],
  };
}
