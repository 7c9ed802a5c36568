/**
 * @module The demo: the main job on the real SDK, against the provider test server, or (`--live`) against OpenAI.
 *
 *     node --conditions=holdfast-source examples/demo/main.ts [--live [--model gpt-5-mini]]
 *
 * Exit code: 0 when every verdict is right, 1 when one is wrong, 2 when it could not be run as asked.
 */
import { parseArgs } from "node:util";
import { runLive } from "./live.ts";
import { Report } from "./report.ts";
import { abortedStream } from "./scenarios/aborted-stream.ts";
import { finalBalances } from "./scenarios/final-balances.ts";
import { retryStorm } from "./scenarios/retry-storm.ts";
import { streamedAnswer } from "./scenarios/streamed-answer.ts";
import { supportBotRace } from "./scenarios/support-bot-race.ts";
import { unknownModel } from "./scenarios/unknown-model.ts";
import { describePrices } from "./truth.ts";
import { createWorld } from "./world.ts";

const SCENARIOS = [supportBotRace, streamedAnswer, abortedStream, retryStorm, unknownModel, finalBalances];

async function runDemo(): Promise<number> {
  await using world = await createWorld();
  const report = new Report();
  report.heading([
    "HOLDFAST DEMO: real openai SDK clients over HTTP, against a provider that keeps its own books",
    `budgets: support-bot 0.021 USD a month | each tenant 0.03 USD a day | each user 20 calls a day`,
    `prices:  ${describePrices()}`,
  ]);
  for (const scenario of SCENARIOS) report.scene(await scenario(world));
  return report.conclude();
}

function readArguments(): { readonly live: boolean; readonly model: string } | undefined {
  try {
    const { values } = parseArgs({
      // pnpm hands a "--" on as it is.
      args: process.argv.slice(2).filter((argument) => argument !== "--"),
      options: {
        live: { type: "boolean", default: false },
        model: { type: "string", default: "gpt-5-mini" },
      },
    });
    return values;
  } catch (error) {
    console.error(`${(error as Error).message}\nUsage: demo [--live [--model gpt-5-mini]]`);
    return undefined;
  }
}

const asked = readArguments();
// Not process.exit: a handle that is left open has to show.
process.exitCode = asked === undefined ? 2 : asked.live ? await runLive(asked.model) : await runDemo();
