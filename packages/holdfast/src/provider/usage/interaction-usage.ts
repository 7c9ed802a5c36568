/**
 * @module The usage of an interaction as disjoint buckets.
 *
 * The same four counts as in `usageMetadata` under other names: input (of which some was cached), output, thoughts, tool
 * use. The types do not say whether the output includes the thoughts; the total does, so it decides. Shape as in the
 * types of @google/genai 3.1, `Usage` of interactions. Shared, since the same objects arrive through the AI SDK.
 */
import type { Usage } from "../../usage/usage.ts";
import {
  countOf,
  isObject,
  optionalCount,
  readingOf,
  UnusableUsage,
  withoutZeros,
  type Loose,
  type UsageReading,
} from "./usage-reading.ts";
import { billedByQuery, divide, kindsOf, outputOf, sumOfParts, type PlainOutput } from "./google-usage.ts";

/** @param value the `usage` of an interaction */
export function readInteractionUsage(value: unknown, model: string, plainOutput: PlainOutput): UsageReading {
  return readingOf(() => (isObject(value) ? readObject(value, model, plainOutput) : undefined));
}

function readObject(usage: Loose, model: string, plainOutput: PlainOutput): Usage | undefined {
  if (usage["total_input_tokens"] === undefined && usage["total_output_tokens"] === undefined)
    return undefined;
  const input = optionalCount(usage, "total_input_tokens");
  const toolUse = optionalCount(usage, "total_tool_use_tokens");
  const thoughts = optionalCount(usage, "total_thought_tokens");
  const output = visibleOutput(usage, { input, toolUse, thoughts });
  return {
    ...sumOfParts({
      prompt: divide(input, kindsIn(usage, "input_tokens_by_modality"), "input"),
      cached: optionalCount(usage, "total_cached_tokens"),
      cachedKinds: kindsIn(usage, "cached_tokens_by_modality"),
      toolUse: divide(toolUse, kindsIn(usage, "tool_use_tokens_by_modality"), "tool-use"),
      output: outputOf(output, kindsIn(usage, "output_tokens_by_modality"), plainOutput),
      thoughts,
    }),
    ...feesOf(usage["grounding_tool_count"], model),
  };
}

/** Output without the thoughts. @throws {UnusableUsage} when the total fits neither way of counting. */
function visibleOutput(
  usage: Loose,
  { input, toolUse, thoughts }: { input: number; toolUse: number; thoughts: number },
): number {
  const output = optionalCount(usage, "total_output_tokens");
  const total = usage["total_tokens"];
  if (total === undefined || total === null) return output;
  const stated = countOf(total, "total_tokens");
  if (stated === input + toolUse + output + thoughts) return output;
  if (stated === input + toolUse + output && thoughts <= output) return output - thoughts;
  throw new UnusableUsage(
    `total_tokens is ${stated} but the parts sum to ${input + toolUse + output + thoughts}`,
  );
}

function kindsIn(usage: Loose, field: string): ReturnType<typeof kindsOf> {
  return kindsOf(usage[field], "modality", "tokens");
}

/** The counts are of queries. Retrieval from the application's own stores has no fee. */
function feesOf(counts: unknown, model: string): Usage {
  let webSearches = 0;
  let mapGroundings = 0;
  for (const count of Array.isArray(counts) ? (counts as unknown[]) : []) {
    if (!isObject(count)) continue;
    const made = optionalCount(count, "count");
    if (count["type"] === "google_search") webSearches += made;
    if (count["type"] === "google_maps") mapGroundings += made;
  }
  if (billedByQuery(model)) return withoutZeros({ webSearches, mapGroundings });
  return withoutZeros({ webSearches: Math.min(1, webSearches), mapGroundings: Math.min(1, mapGroundings) });
}
