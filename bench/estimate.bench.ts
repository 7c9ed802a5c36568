/** @module What the default token estimate costs, for usual and for hostile text, and how far above the truth it is. */
import { createRequire } from "node:module";
import { linearEstimator } from "holdfast";
import { compare, describeError, type ArmMaker } from "./harness.ts";
import { atMost, micros, times, type Row } from "./report.ts";
import { MODEL } from "./stub-openai.ts";
import { pathological, proseOf } from "./texts.ts";

const GROUP = "Token estimate (default estimator)";
const KB = 1_000;
const MB = 1_000_000;
/** The truth of long unbroken runs takes seconds to minutes; it is taken from a sample of the same text. */
const TRUTH_BYTES = 4 * KB;

interface Text {
  readonly name: string;
  readonly text: string;
  /** A shorter text of the same kind, for the truth. */
  readonly sample: string;
  readonly targetMicros?: number;
}

function texts(): readonly Text[] {
  const prose = (name: string, chars: number, targetMicros?: number): Text => {
    const text = proseOf(chars);
    return { name, text, sample: text, ...(targetMicros === undefined ? {} : { targetMicros }) };
  };
  return [
    prose("prose, 200 B", 200),
    prose("prose, 4 KB", 4 * KB),
    prose("prose chat, 60 KB", 60 * KB, 200),
    {
      name: "the same with curly quotes (two-byte string)",
      text: proseOf(60 * KB).replaceAll("'", "\u2019"),
      sample: proseOf(TRUTH_BYTES).replaceAll("'", "\u2019"),
      targetMicros: 200,
    },
    ...Object.entries(pathological()).map(([name, make]) => ({
      name: `${name}, 1 MB`,
      text: make(MB),
      sample: make(TRUTH_BYTES),
      targetMicros: 5_000,
    })),
  ];
}

export async function benchEstimate(quick: boolean): Promise<readonly Row[]> {
  const all = texts();
  let sum = 0;
  const result = await compare(
    all.map(({ name, text }): ArmMaker => {
      return [
        name,
        () => (count) => {
          for (let i = 0; i < count; i++) sum += linearEstimator.estimate(text, MODEL);
        },
      ];
    }),
    { rounds: quick ? 7 : 21, count: 5 },
  );
  const truth = loadTruth();
  const rows = all.map(({ name, text, sample, targetMicros }): Row => {
    const cpu = result.arms.get(name)?.cpu ?? NaN;
    const kb = Buffer.byteLength(text) / KB;
    const against = typeof truth === "string" ? {} : truthCells(truth, sample);
    return {
      group: GROUP,
      quantity: name,
      ours: `${micros(cpu)} (${micros(cpu / kb)}/KB)`,
      ...against,
      ...(targetMicros === undefined
        ? {}
        : { target: `<= ${targetMicros} us`, met: atMost(cpu, targetMicros) }),
    };
  });
  if (typeof truth === "string") {
    const where = "see packages/tokenizer/scripts/ratios.ts";
    rows.push({
      group: GROUP,
      quantity: "estimate / truth",
      ours: "not measured",
      against: `${truth}; ${where}`,
    });
  }
  return sum > 0 ? rows : [];
}

function truthCells(truth: (text: string) => number, sample: string): Pick<Row, "against" | "ratio"> {
  const tokens = truth(sample);
  const estimate = linearEstimator.estimate(sample, MODEL);
  return {
    against: `truth ${tokens} of ${sample.length} chars`,
    ratio: `${times(estimate / tokens)} of truth`,
  };
}

/** Exact counts by gpt-tokenizer, which the tokenizer package tests itself against; or why there are none. */
function loadTruth(): ((text: string) => number) | string {
  try {
    const require = createRequire(import.meta.resolve("@holdfast/tokenizer"));
    const { encode } = require("gpt-tokenizer/encoding/o200k_base") as {
      encode: (text: string, options: object) => readonly number[];
    };
    return (text) => encode(text, { disallowedSpecial: new Set<string>() }).length;
  } catch (error) {
    return describeError(error);
  }
}
