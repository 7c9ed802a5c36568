/** @module What a step can script for Anthropic's wire format alone. */
import type { ScriptedIteration } from "../parts.ts";
import type { Quantities } from "../quantities.ts";

export interface AnthropicStep {
  /**
   * The passes of one answer, billed on the models that made them. Then the tokens come from here and not from
   * `usage`, the top-level usage sums those in the totals, and the content chunks carry the output of the last
   * of these.
   */
  readonly iterations?: readonly ScriptedIteration[] | undefined;
  /** @default as requested, else "standard" */
  readonly speed?: "standard" | "fast" | null | undefined;
  /** @default as requested, else "global" */
  readonly inferenceGeo?: string | null | undefined;
  /** `usage.fallback_credit`, as it is. */
  readonly fallbackCredit?: object | undefined;
  /** Content blocks before the text, as they are: server tool uses and their results, redacted thinking ... */
  readonly blocks?: readonly object[] | undefined;
  /** `stop_details` of a refusal, over { type, category: null, explanation }. */
  readonly stopDetails?: object | undefined;
  /** What `message_start` reports otherwise than the final usage: less input before server tools have run. */
  readonly startUsage?: Quantities | undefined;
  /** How many `message_delta` events a stream has; all but the last come between the chunks. @default 1 */
  readonly messageDeltas?: number | undefined;
  /** "output": deltas have nothing but `output_tokens`, as in 2024; "null": the other counts are null. @default "all" */
  readonly deltaUsage?: "all" | "output" | "null" | undefined;
  /** Leaves `cache_creation` null, so that writes are not split by their time to live. */
  readonly unsplitCacheWrites?: boolean | undefined;
  /** `ping` events before each content chunk, beside the one after `message_start`. @default 0 */
  readonly pings?: number | undefined;
}
