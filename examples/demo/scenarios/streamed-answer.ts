/** @module Scene 2: a streamed answer is held for at its worst, and settled to what it was. */
import { usd } from "../money.ts";
import { check, fact, type Scene } from "../report.ts";
import { LONG_ANSWER, LONG_ANSWER_TOKENS, SUPPORT_QUESTION, SUPPORT_QUESTION_TOKENS } from "../texts.ts";
import { trueCostOf, truthOf, type CallTags } from "../truth.ts";
import type { World } from "../world.ts";

const CHUNKS = 40;

export async function streamedAnswer(world: World): Promise<Scene> {
  const { server, holdfast } = world;
  const tags: CallTags = { agent: "writer", tenant: "acme", user: "ann", requestId: "streamed" };
  server.script([
    {
      content: LONG_ANSWER,
      chunks: CHUNKS,
      usage: {
        inputTokens: SUPPORT_QUESTION_TOKENS,
        cachedInputTokens: 64,
        outputTokens: LONG_ANSWER_TOKENS,
      },
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
  let text = "";
  let extraChunks = 0;
  let during = before;
  for await (const chunk of stream) {
    if (text === "") during = (await world.balance("tenant-day", "acme"))!;
    text += chunk.choices[0]?.delta.content ?? "";
    if (chunk.choices.length === 0) extraChunks += 1;
  }
  await world.settled();

  const after = (await world.balance("tenant-day", "acme"))!;
  const record = world.records.find(({ requestId }) => requestId === tags.requestId)!;
  const truth = trueCostOf([truthOf(record, server.ledger)!]);
  const charged = after.spent.nanoUsd - before.spent.nanoUsd;
  return {
    title: "A streamed answer, settled to its true cost",
    lines: [
      check(
        "while it streamed: held",
        `${usd(during.held.nanoUsd)} for at most 800 output tokens; spent did not move`,
        during.held.nanoUsd === record.heldNanoUsd &&
          record.heldNanoUsd > 0 &&
          during.spent.nanoUsd === before.spent.nanoUsd,
      ),
      check(
        "when it had ended: settled",
        `${usd(charged)} for ${record.inputTokens} input (${record.usage.cacheReadTextTokens ?? 0} cached) and ${record.outputTokens} output tokens; truth ${usd(truth)}`,
        BigInt(charged) === truth && record.usageSource === "provider" && after.held.nanoUsd === 0,
      ),
      check(
        "what the application saw",
        `the whole text; ${extraChunks} extra chunks (usage is asked for, and hidden again)`,
        text === LONG_ANSWER && extraChunks === 0,
      ),
      fact("given back", `${usd(record.heldNanoUsd - charged)} of the hold`),
    ],
  };
}
