import OpenAI from "openai";
import { createHoldfast } from "holdfast";
import { wrapOpenAI } from "holdfast/openai";
const body = JSON.stringify({ id: "c", object: "chat.completion", created: 1, model: "gpt-4o-2024-08-06", service_tier: "default", choices: [{ index: 0, message: { role: "assistant", content: "Hello there, how can I help you today?", refusal: null }, logprobs: null, finish_reason: "stop" }], usage: { prompt_tokens: 50, completion_tokens: 10, total_tokens: 60, prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 }, completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0, accepted_prediction_tokens: 0, rejected_prediction_tokens: 0 } } });
const fetch = async () => new Response(body, { status: 200, headers: { "content-type": "application/json", "x-request-id": "r" } });
const bare = new OpenAI({ apiKey: "k", fetch: fetch as any, baseURL: "http://127.0.0.1:1/v1" });
const hf = createHoldfast({ budgets: [{ id: "org", limit: { usd: "1000000" }, window: "month" }, { id: "team", match: { team: "a" }, limit: { usd: "1000000" }, window: "day" }, { id: "agent", match: { agent: "x" }, limit: { usd: "1000000" }, window: "day" }, { id: "tenant", per: ["tenant"], limit: { usd: "1000000" }, window: "day" }] });
let n = 0; hf.on("usage", (u) => { n += u.costNanoUsd; });
const wrapped = wrapOpenAI(bare, hf, { team: "a", agent: "x", tenant: "t" });
const messages = [{ role: "system" as const, content: "You are a helpful support assistant for a parcel company." }, { role: "user" as const, content: "Where is my parcel? The tracking number is 1234567890 and it was sent on Monday from Berlin to Hamburg. Thanks!" }];
const call = (c: OpenAI) => c.chat.completions.create({ model: "gpt-4o", messages, max_tokens: 500 });
const N = Number(process.env.N ?? 2000);
async function run(c: OpenAI) { const t = process.threadCpuUsage(); const w = performance.now(); for (let i = 0; i < N; i++) await call(c); const d = process.threadCpuUsage(t); return [(d.user + d.system) / N, ((performance.now() - w) * 1000) / N]; }
const only = process.env.ONLY;
if (only) { for (let i = 0; i < 15; i++) await run(only === "bare" ? bare : wrapped); process.exit(0); }
for (let i = 0; i < 2; i++) { await run(bare); await run(wrapped); }
const r: number[] = [], b: number[] = [];
for (let i = 0; i < 9; i++) { b.push((await run(bare))[0]!); r.push((await run(wrapped))[0]!); }
const med = (a: number[]) => a.sort((x, y) => x - y)[a.length >> 1]!;
console.log("bare", med(b).toFixed(1), "wrapped", med(r).toFixed(1), "added cpu us", (med(r) - med(b)).toFixed(1));
