/**
 * A process that makes guarded calls with the real SDK and stands still at labelled points, where its parent kills it.
 * The first call completes; the points are those of the second.
 */
import { workerMain } from "@holdfast/testkit/processes";
import { createHoldfast, type LedgerStore } from "holdfast";
import { wrapOpenAI } from "holdfast/openai";
import OpenAI from "openai";
import { openStore } from "../backends.ts";
import type { CrashArgs, Point } from "./points.ts";

workerMain<CrashArgs, void>(async ({ args, barrier, mark }) => {
  const at = (point: Point): void => mark(point);
  const { store, close } = await openStore(args.backend);
  let settled: () => void = () => undefined;
  const watched: LedgerStore = {
    name: store.name,
    async reserve(operation) {
      at("before reserve");
      const result = await store.reserve(operation);
      at("reserve reply lost");
      return result;
    },
    async dispatch(operation) {
      at("before dispatch");
      const result = await store.dispatch(operation);
      at("before send");
      return result;
    },
    async settle(operation) {
      at("after usage");
      const result = await store.settle(operation);
      at("settle reply lost");
      settled();
      return result;
    },
    release: (operation) => store.release(operation),
    renew: (operation) => store.renew(operation),
    expire: (operation) => store.expire(operation),
    adjust: (operation) => store.adjust(operation),
    override: (operation) => store.override(operation),
    balances: (query) => store.balances(query),
    close: () => store.close(),
  };
  const { undispatchedTtlMs, dispatchedTtlMs, baseURL, user } = args;
  const holdfast = createHoldfast({
    budgets: [args.budget],
    store: watched,
    undispatchedTtlMs,
    dispatchedTtlMs,
  });
  const openai = wrapOpenAI(new OpenAI({ apiKey: "sk-test", baseURL, maxRetries: 0 }), holdfast);

  await barrier();
  for (let call = 0; call < 2; call += 1) {
    const whenSettled = new Promise<void>((resolve) => (settled = resolve));
    const stream = await openai.chat.completions.create({
      model: "gpt-5-mini",
      messages: [{ role: "user", content: "Hello" }],
      max_completion_tokens: 400,
      stream: true,
      user,
    });
    let chunks = 0;
    for await (const _ of stream) {
      chunks += 1;
      if (chunks === 3) at("mid-stream");
    }
    await whenSettled;
    at("after settle");
  }
  await close();
});
