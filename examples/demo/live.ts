/** @module The small version against the real API: three calls, one of them streamed, and one that is refused. */
import { BudgetExceededError, createHoldfast, HoldfastError } from "holdfast";
import { wrapOpenAI } from "holdfast/openai";
import OpenAI from "openai";
import { usd } from "./money.ts";
import { check, fact, quote, Report, type Line } from "./report.ts";

const QUESTION = "Name one colour of the rainbow. One word.";
const OUTPUT_TOKENS = 300;

/** @returns the exit code */
export async function runLive(model: string): Promise<number> {
  if ((process.env["OPENAI_API_KEY"] ?? "") === "") {
    console.log(
      "The live demo needs an OpenAI API key, and spends at most 0.01 USD:\n\n" +
        "  OPENAI_API_KEY=... npx -y pnpm@12 demo --live [--model gpt-5-mini]\n\n" +
        "Without --live the demo runs against the provider test server and needs no key.",
    );
    return 2;
  }
  await using holdfast = createHoldfast({
    budgets: [{ id: "live-demo", limit: { usd: "0.01" }, window: "day" }],
  });
  const openai = wrapOpenAI(new OpenAI(), holdfast, { agent: "live-demo" });
  const lines: Line[] = [];
  let answered = 0;
  holdfast.on("usage", (record) => {
    if (record.outcome === "complete" && record.usageSource === "provider") answered += 1;
    lines.push(
      fact(
        `${record.requestId}${record.stream ? " (streamed)" : ""}`,
        `${record.outcome}, ${record.inputTokens} input and ${record.outputTokens} output tokens: held ${usd(record.heldNanoUsd)}, cost ${usd(record.costNanoUsd)} (${record.usageSource})`,
      ),
    );
  });
  const question = { model, messages: [{ role: "user" as const, content: QUESTION }] };
  const small = { ...question, max_completion_tokens: OUTPUT_TOKENS };
  try {
    for (const requestId of ["first", "second"]) {
      await holdfast.with({ requestId }, () => openai.chat.completions.create(small));
    }
    const stream = await holdfast.with({ requestId: "third" }, () =>
      openai.chat.completions.create({ ...small, stream: true }),
    );
    let chunks = 0;
    for await (const _ of stream) chunks += 1;
    await holdfast.flush();
    lines.push(
      check(
        "answered, with the API's usage",
        `${answered} of 3; ${chunks} chunks in the stream`,
        answered === 3,
      ),
    );
    // Without an output limit the worst case is the model's own maximum, which 0.01 USD does not pay for.
    const refusal: unknown = await openai.chat.completions.create(question).catch((error: unknown) => error);
    const refused = refusal instanceof BudgetExceededError;
    lines.push(
      check(
        "a call without an output limit",
        refused ? "refused before it was sent" : "was NOT refused",
        refused,
      ),
    );
    if (refused) lines.push(...quote(refusal.message));
    const [balance] = await holdfast.balances();
    const { spent, held, limits, left } = balance!;
    lines.push(
      check(
        "budget",
        `spent ${usd(spent.nanoUsd)} of ${usd(limits.nanoUsd!)}, held ${usd(held.nanoUsd)}, left ${usd(left.nanoUsd!)}`,
        spent.nanoUsd > 0 && spent.nanoUsd <= limits.nanoUsd! && held.nanoUsd === 0,
      ),
    );
  } catch (error) {
    lines.push(check("failed", describe(error), false));
  }
  const report = new Report();
  report.scene({ title: `Live: ${model} with a budget of 0.01 USD`, lines });
  return report.conclude();
}

/** The API's own messages can quote parts of the key, so they are not printed. */
function describe(error: unknown): string {
  if (HoldfastError.isHoldfastError(error)) return `${error.name}: ${error.message}`;
  if (error instanceof OpenAI.APIError) {
    return `${error.constructor.name}, status ${error.status ?? "none"}, code ${error.code ?? "none"}`;
  }
  return error instanceof Error ? error.name : "unknown error";
}
