/** @module One of two processes: an ordinary application with a wrapped client and a store on Redis. */
import { once } from "node:events";
import { BudgetExceededError, createHoldfast } from "holdfast";
import { wrapOpenAI } from "holdfast/openai";
import { redisStore } from "holdfast/redis";
import { Redis } from "ioredis";
import OpenAI from "openai";
import { BUDGETS, CALLS, type WorkerReport } from "./shared.ts";

const [name, redisUrl, prefix, baseURL] = process.argv.slice(2) as [string, string, string, string];

const redis = new Redis(redisUrl);
const holdfast = createHoldfast({ store: redisStore(redis, { prefix }), budgets: BUDGETS });
const openai = wrapOpenAI(new OpenAI({ apiKey: "sk-not-a-key", baseURL }), holdfast);

await redis.ping();
process.send!("ready");
await once(process, "message");

let answered = 0;
let refused = 0;
let asked = 0;

/** Four questions at a time, as a busy bot has them. */
async function conversation(): Promise<void> {
  while (asked < CALLS) {
    asked += 1;
    try {
      await openai.chat.completions.create({
        model: "gpt-5-mini",
        messages: [{ role: "user", content: `Question ${asked} of ${name}` }],
        max_completion_tokens: 250,
      });
      answered += 1;
    } catch (error) {
      if (!(error instanceof BudgetExceededError)) throw error;
      refused += 1;
    }
  }
}
await Promise.all(Array.from({ length: 4 }, conversation));
await holdfast.close();
redis.disconnect();
process.send!({ name, answered, refused } satisfies WorkerReport);
