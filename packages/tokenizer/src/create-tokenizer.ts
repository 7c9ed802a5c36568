/**
 * Exact counts by a tokenizer library, bounded in input and time.
 *
 * @module
 */
import { linearEstimator, utf8ByteLength, type TokenEstimator } from "holdfast";
import { encodingFor, type Encoder, type EncodingName } from "./encoder.ts";
import { loadJsTiktoken } from "./js-tiktoken.ts";
import { createMemo, type Memo } from "./memo.ts";
import { splitText } from "./split.ts";

export interface TokenizerOptions {
  /** Loads the encoder of a vocabulary. @default js-tiktoken */
  encoder?: (encoding: EncodingName) => Promise<Encoder>;
  /** The vocabularies to load. A model of another one gets the linear estimate. @default ["o200k_base"] */
  encodings?: readonly EncodingName[];
  /** The vocabulary of a model; undefined means the linear estimate. @default encodingFor */
  encodingFor?: (model: string) => EncodingName | undefined;
  /** Longest text counted exactly, in UTF-16 code units; longer ones get the linear estimate. @default 8192 */
  maxChars?: number;
  /** Longest stretch without a break that goes to the encoder whole, in UTF-16 code units. @default 64 */
  maxRunChars?: number;
  /** Time per call, in milliseconds, after which the rest of the text is estimated linearly. @default 25 */
  maxMs?: number;
  /** Counts remembered, for texts of up to 4,096 UTF-16 code units each. @default 500 */
  memoEntries?: number;
  /** Milliseconds of a monotonic clock. @default performance.now */
  now?: () => number;
}

/** An estimator that is exact once its encoder is there. */
export interface Tokenizer extends TokenEstimator {
  /** Settles when the first attempt to load has ended; until then, and if it fails, estimates are linear. */
  readonly ready: Promise<void>;
  /** Resolves when every encoder is loaded; tries again after a failure. */
  load(): Promise<void>;
}

/** Counts may differ by one on either side of a cut through an unbroken stretch. */
const TOKENS_PER_INEXACT_CUT = 2;
const MEMO_MAX_CHARS = 4096;

interface LoadedEncoder {
  encoder: Encoder;
  memo: Memo;
}

interface Bounds {
  maxRunChars: number;
  maxMs: number;
  now: () => number;
}

/** A count, and whether the encoder saw the whole text. */
function count(
  text: string,
  model: string,
  encoder: Encoder,
  bounds: Bounds,
): [tokens: number, whole: boolean] {
  const deadlineMs = bounds.now() + bounds.maxMs;
  let tokens = 0;
  let counted = 0;
  for (const chunk of splitText(text, bounds.maxRunChars)) {
    if (bounds.now() > deadlineMs) {
      const rest = linearEstimator.estimate(text.slice(counted), model);
      return [tokens + rest + TOKENS_PER_INEXACT_CUT, false];
    }
    tokens += encoder.encode(chunk.text, [], []).length;
    counted += chunk.text.length;
    if (!chunk.endsExactly) tokens += TOKENS_PER_INEXACT_CUT;
  }
  return [Math.min(tokens, utf8ByteLength(text)), true];
}

/** Starts loading at once; answers linearly until the encoder is there. Never throws on a text. */
export function createTokenizer(options: TokenizerOptions = {}): Tokenizer {
  const loadEncoder = options.encoder ?? loadJsTiktoken;
  const encodings = options.encodings ?? ["o200k_base"];
  const modelEncoding = options.encodingFor ?? encodingFor;
  const maxChars = options.maxChars ?? 8192;
  const bounds: Bounds = {
    maxRunChars: Math.max(2, options.maxRunChars ?? 64),
    maxMs: options.maxMs ?? 25,
    now: options.now ?? (() => performance.now()),
  };
  const loaded = new Map<EncodingName, LoadedEncoder>();
  let loading: Promise<void> | undefined;

  async function loadOne(encoding: EncodingName): Promise<void> {
    if (loaded.has(encoding)) return;
    const encoder = await loadEncoder(encoding);
    loaded.set(encoding, { encoder, memo: createMemo(options.memoEntries ?? 500, MEMO_MAX_CHARS) });
  }

  function load(): Promise<void> {
    loading ??= Promise.all(encodings.map(loadOne)).then(
      () => undefined,
      (error: unknown) => {
        loading = undefined;
        throw error;
      },
    );
    return loading;
  }

  function exact(text: string, model: string, { encoder, memo }: LoadedEncoder): number {
    const known = memo.get(text);
    if (known !== undefined) return known;
    try {
      const [tokens, whole] = count(text, model, encoder, bounds);
      if (whole) memo.set(text, tokens);
      return tokens;
    } catch {
      return linearEstimator.estimate(text, model);
    }
  }

  const ready = load();
  ready.catch(() => undefined);
  return {
    name: "tokenizer",
    ready,
    load,
    estimate(text, model) {
      if (text.length > maxChars) return linearEstimator.estimate(text, model);
      const encoding = modelEncoding(model);
      const usable = encoding === undefined ? undefined : loaded.get(encoding);
      return usable === undefined ? linearEstimator.estimate(text, model) : exact(text, model, usable);
    },
  };
}
