/**
 * Fits the prices of the linear estimator (`packages/holdfast/src/estimate/cost-data.ts`) to sample texts.
 *
 * Run: node --max-old-space-size=8000 packages/tokenizer/scripts/fit-costs.ts samples.json > rows.json
 * where samples.json is `[{ "kind": "ordinary" | "noise" | "pattern", "text": "..." }]`. Ordinary texts are what the
 * result should be tight on, noise what it must not fall below, patterns (short strings repeated) what it should
 * not fall far below. The shipped table came from some 330,000 samples of 1 to 3,000 characters: documentation,
 * source code, data and translations of programs in 40 languages found on a Debian machine, and generated noise.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import {
  buildClasses,
  maxCost,
  nextState,
  ROW_BITS,
  START_STATE,
  STATE_COUNT,
} from "../../holdfast/src/estimate/char-class.ts";
import { truthOf } from "../test/truth.ts";

interface Sample {
  kind: "ordinary" | "noise" | "pattern";
  text: string;
}

const EPOCHS = 350;
const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/** How far above the truth the fit aims, how much an excess and how much a shortfall weighs, per kind. */
const AIM = { ordinary: 1.03, noise: 1.03, pattern: 0.97 };
const EXCESS = { ordinary: 1, noise: 0.1, pattern: 0.1 };
const SHORTFALL = { ordinary: 1, noise: 1, pattern: 0.1 };

const entries = STATE_COUNT << ROW_BITS;
const most = Float64Array.from({ length: entries }, (_, entry) => maxCost(entry & 0xff));
const seen = new Uint32Array(entries);

/** The sum from which the estimate, slack included, reaches `tokens`: 2 + 0.5 * sqrt(sum) + sum = tokens. */
function sumFor(tokens: number): number {
  return tokens <= 2 ? 0 : ((Math.sqrt(0.25 + 4 * (tokens - 2)) - 0.5) / 2) ** 2;
}

function rowOf({ kind, text }: Sample, classes: Uint8Array) {
  const counts = new Map<number, number>();
  let state = START_STATE;
  for (let at = 0; at < text.length; at++) {
    const charClass = classes[text.charCodeAt(at)]!;
    const entry = (state << ROW_BITS) | charClass;
    counts.set(entry, (counts.get(entry) ?? 0) + 1);
    seen[entry]!++;
    state = nextState(state, charClass);
  }
  const { o200k, cl100k } = truthOf(text);
  return {
    kind,
    used: Int32Array.from(counts.keys()),
    times: Float64Array.from(counts.values()),
    aim: sumFor(Math.max(o200k, cl100k) * AIM[kind]),
    excess: EXCESS[kind] * Math.min(1, text.length / 40),
  };
}

/** Adam on a hinge loss: every sum presses down a little, a sum below its aim presses up hard. */
function fit(rows: readonly ReturnType<typeof rowOf>[]): Float64Array {
  const price = most.map((cost, entry) => (seen[entry]! > 0 ? cost / 2 : cost));
  const mean = new Float64Array(entries);
  const square = new Float64Array(entries);
  for (let epoch = 1; epoch <= EPOCHS; epoch++) {
    const pressure = 3 * 400 ** (epoch / EPOCHS);
    const rate = 0.03 * 0.02 ** (epoch / EPOCHS);
    const gradient = price.map((cost, entry) => 0.2 * (cost - 0.8 * most[entry]!));
    for (const { kind, used, times, aim, excess } of rows) {
      let missing = aim;
      for (let k = 0; k < used.length; k++) missing -= times[k]! * price[used[k]!]!;
      const scale = Math.max(3, aim);
      const up = missing > 0 ? pressure * SHORTFALL[kind] * (1 + (10 * missing) / scale) : 0;
      for (let k = 0; k < used.length; k++) gradient[used[k]!]! += ((excess - up) / scale) * times[k]!;
    }
    for (let entry = 0; entry < entries; entry++) {
      if (seen[entry] === 0) continue;
      mean[entry] = 0.9 * mean[entry]! + 0.1 * gradient[entry]!;
      square[entry] = 0.99 * square[entry]! + 0.01 * gradient[entry]! ** 2;
      const step =
        mean[entry]! / (1 - 0.9 ** epoch) / (Math.sqrt(square[entry]! / (1 - 0.99 ** epoch)) + 1e-9);
      price[entry] = Math.min(most[entry]!, Math.max(0, price[entry]! - rate * step));
    }
  }
  return price;
}

/** One state's prices in the notation of `transitionShares`. */
function written(row: Float64Array, state: number): string {
  let text = "";
  let full = 0;
  row.forEach((price, charClass) => {
    const entry = (state << ROW_BITS) | charClass;
    const known = seen[entry]! >= 4 && price < 0.95 * most[entry]!;
    const share = known ? Math.min(63, Math.ceil((price / most[entry]!) * 63 - 0.1)) : 63;
    if (share === 63) {
      full++;
      return;
    }
    for (; full > 1; full -= Math.min(35, full)) text += `.${Math.min(35, full).toString(36)}`;
    text += "/".repeat(full) + BASE64.charAt(share);
    full = 0;
  });
  return text;
}

const classes = buildClasses();
const samples = JSON.parse(readFileSync(process.argv[2]!, "utf8")) as Sample[];
const prices = fit(samples.map((sample) => rowOf(sample, classes)));
const rows = Array.from({ length: STATE_COUNT }, (_, state) =>
  written(prices.subarray(state << ROW_BITS, (state + 1) << ROW_BITS), state),
);
console.log(JSON.stringify(rows, null, 1));
