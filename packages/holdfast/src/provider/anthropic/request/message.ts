/**
 * @module Worst case of a Messages request.
 *
 * `max_tokens` bounds all of the output, thinking included. Besides the answer of the named model, a request may bill
 * - each fallback model, and the model before it up to where it declined: all of them are held for;
 * - an advisor, which reads the conversation so far each time that it is asked;
 * - a compaction, which reads the context and writes a summary, when the context can grow as far as its trigger.
 * Content that is not in the request (documents, results of the provider's tools, a thread) is held for as
 * `estimate.serverContext` says: one context window by default. A loop of the provider's tools that reads its context
 * several times can bill more than that; then the answer is charged in full and reported as above its hold.
 */
import type { GuardSettings } from "../../../guard/guard-settings.ts";
import type { Usage } from "../../../usage/usage.ts";
import {
  isObject,
  positiveInteger,
  stringOf,
  type Body,
  type OutputShape,
  type RequestShape,
} from "../../request/request-shape.ts";
import { pricedModel, type Platform } from "../platform.ts";
import type { KnownThread, Threads } from "../threads.ts";
import { MessageTokens, type Position } from "./message-tokens.ts";
import { tiersOf } from "./tiers.ts";
import { isServerTool, TOOL_USES_HELD, toolsOf, webSearchesOf, type RequestTool } from "./tools.ts";

/** Primes the reply, and wraps each message, in the model's own format. */
const REPLY_OVERHEAD = 32;
const MESSAGE_OVERHEAD = 8;
/** What the API adds when there are tools: 804 tokens at most (platform.claude.com, tool use pricing, 2026-11). */
const TOOLS_OVERHEAD = 810;
/** The definition of one of Anthropic's own tools: 735 tokens at most for one (computer use), the same page. */
const OWN_TOOL_OVERHEAD = 750;
/** A toolset defines some thirty of them. */
const TOOLSET_OVERHEAD = 12_000;
/** The instructions around a structured output, beside its schema. */
const FORMAT_OVERHEAD = 400;

/** Parts of the request that become input. Everything else is a setting. */
const INPUT_FIELDS = [
  "system",
  "messages",
  "tools",
  "output_config",
  "output_format",
  "tool_choice",
] as const;

const POSITIONS: { readonly [F in (typeof INPUT_FIELDS)[number]]?: Position } = {
  system: "content",
  messages: "content",
  tools: "tool",
};

/** The lowest trigger of a compaction that the API accepts, tokens (platform.claude.com, compaction, 2026-11). */
const COMPACTION_TRIGGER_MIN = 50_000;
const COMPACTION_TRIGGER_DEFAULT = 150_000;

export function shapeOfMessage(
  body: Body,
  settings: GuardSettings,
  platform: Platform,
  threads: Threads,
): RequestShape {
  const model = pricedModel(platform, stringOf(body["model"]));
  const tools = toolsOf(body);
  const thread = threadOf(body, threads);
  const input = inputOf(body, tools, model, settings, thread);
  const limit = limitOf(body["max_tokens"]);
  const searches = webSearchesOf(tools);
  const main: RequestShape = {
    model,
    stream: body["stream"] === true,
    ...tiersOf(body, settings, platform),
    cacheWrites: input.cacheWrites,
    mayReason: mayReason(body["thinking"], model),
    textTokens: input.textTokens,
    otherInput: apartFromText(input, thread),
    refersTo: input.refersTo,
    mayReadAgain: runsInside(body, tools),
    output: outputOf(limit),
    toolFees: searches === 0 ? {} : { webSearches: searches },
    unreportedFees: {},
    usageWhenSilent: null,
  };
  const also = [
    ...fallbacksOf(body, main, settings, platform, thread),
    ...advisorsOf(body, main, settings, platform, thread),
    ...compactionOf(body, main),
  ];
  return also.length === 0 ? main : { ...main, also };
}

/** Whether the model may go on by itself, with results of tools that run at the provider: each pass reads it all again. */
function runsInside(body: Body, tools: readonly RequestTool[]): boolean {
  return (
    tools.some(isServerTool) ||
    (Array.isArray(body["mcp_servers"]) && body["mcp_servers"].length > 0) ||
    (body["container"] !== undefined && body["container"] !== null)
  );
}

function inputOf(
  body: Body,
  tools: readonly RequestTool[],
  model: string,
  { estimator }: GuardSettings,
  thread: Thread,
): MessageTokens {
  const input = new MessageTokens(estimator, model);
  input.textTokens += REPLY_OVERHEAD;
  for (const field of INPUT_FIELDS)
    if (body[field] !== undefined && body[field] !== null) input.add(body[field], POSITIONS[field]);
  if (Array.isArray(body["messages"])) input.textTokens += MESSAGE_OVERHEAD * body["messages"].length;
  input.addCacheControl(body["cache_control"]);
  if (tools.length > 0) input.textTokens += TOOLS_OVERHEAD;
  for (const { type } of tools) {
    if (type.includes("toolset")) input.textTokens += TOOLSET_OVERHEAD;
    else if (type !== "") input.textTokens += OWN_TOOL_OVERHEAD;
  }
  if (isObject(body["output_format"]) || isObject(body["output_config"])) input.textTokens += FORMAT_OVERHEAD;
  const ran = tools.filter(isServerTool).map(({ type }) => type);
  if (ran.length > 0) input.refer(`results of the provider's tools (${ran.join(", ").slice(0, 80)})`);
  if (Array.isArray(body["mcp_servers"]) && body["mcp_servers"].length > 0) input.refer("MCP servers");
  if (body["container"] !== undefined && body["container"] !== null) input.refer("a container");
  if (thread === "unknown") {
    input.refer("a thread");
    // How the earlier turns asked to be cached is not seen.
    input.addCacheControl({ ttl: "1h" });
  } else if (thread !== null && thread.cacheWrites !== "none") {
    input.addCacheControl({ ttl: thread.cacheWrites === "long" ? "1h" : "5m" });
  }
  return input;
}

/** What the turns before this one come to; null when there are none. */
type Thread = KnownThread | "unknown" | null;

function threadOf(body: Body, threads: Threads): Thread {
  const { thread } = body as { thread?: unknown };
  if (!isObject(thread)) return null;
  threads.use();
  if (thread["type"] === "create") return null;
  return threads.recall(thread["previous_message_id"]) ?? "unknown";
}

/**
 * Pictures are billed at the rates of text; they, and the earlier turns of a thread, are kept apart because they teach
 * nothing about the estimate of text.
 */
function apartFromText(
  { imageTokens, cacheWrites }: MessageTokens,
  thread: Thread,
): RequestShape["otherInput"] {
  const tokens = imageTokens + (thread === null || thread === "unknown" ? 0 : thread.tokens);
  if (tokens === 0) return {};
  if (cacheWrites === "long") return { cacheWriteLongTokens: tokens };
  return cacheWrites === "short" ? { cacheWriteTokens: tokens } : { inputImageTokens: tokens };
}

/** 0 fills the cache and generates nothing. */
function limitOf(value: unknown): number | null {
  return value === 0 ? 0 : positiveInteger(value);
}

function outputOf(limit: number | null, choices = 1): OutputShape {
  return { kind: "text", limit, choices, extraTokens: 0, limitable: true, limitField: "max_tokens" };
}

/**
 * Thinking comes summarised or not at all, and is billed in full. Models of before 4 have it only when asked; later ones
 * unless told not to.
 */
function mayReason(thinking: unknown, model: string): boolean {
  if (isObject(thinking)) return thinking["type"] !== "disabled";
  return !/claude-(?:instant|v?[12]\b|3-|(?:opus|sonnet|haiku)-4(?:[-.@](?:0|1|5|6)?(?![0-9])|-20|$))/.test(
    model,
  );
}

/** Every fallback may answer in full after the model before it has declined in the middle of its answer. */
function fallbacksOf(
  body: Body,
  main: RequestShape,
  settings: GuardSettings,
  platform: Platform,
  thread: Thread,
): readonly RequestShape[] {
  const { fallbacks } = body as { fallbacks?: unknown };
  // Which models "default" means is the server's; what is asked of the same model again is the nearest that can be said.
  if (fallbacks === "default") return [main];
  if (!Array.isArray(fallbacks)) return [];
  return (fallbacks as unknown[]).filter(isObject).map((entry) => ({
    ...onModel(stringOf(entry["model"]), body, main, settings, platform, thread),
    ...tiersOf(body, settings, platform, entry["speed"] ?? body["speed"]),
    output: outputOf(limitOf(entry["max_tokens"]) ?? main.output.limit),
  }));
}

/** The same request on another model, which may count its input differently. */
function onModel(
  name: string,
  body: Body,
  main: RequestShape,
  settings: GuardSettings,
  platform: Platform,
  thread: Thread,
): RequestShape {
  const model = pricedModel(platform, name);
  const input = inputOf(body, toolsOf(body), model, settings, thread);
  return { ...main, model, textTokens: input.textTokens, otherInput: apartFromText(input, thread) };
}

/** An advisor reads all of the conversation, what the model has said so far included. */
function advisorsOf(
  body: Body,
  main: RequestShape,
  settings: GuardSettings,
  platform: Platform,
  thread: Thread,
): readonly RequestShape[] {
  return toolsOf(body)
    .filter(({ type }) => type.startsWith("advisor"))
    .map(({ definition, maxUses }) => {
      const uses = maxUses ?? TOOL_USES_HELD;
      const advisor = onModel(stringOf(definition["model"]), body, main, settings, platform, thread);
      return {
        ...advisor,
        textTokens: (advisor.textTokens + (main.output.limit ?? 0)) * uses,
        // Pictures and the earlier turns of a thread are read each time, as the text is.
        otherInput: timesUsage(advisor.otherInput, uses),
        prompts: uses,
        output: outputOf(positiveInteger(definition["max_tokens"]), uses),
        toolFees: {},
      };
    });
}

function compactionOf(body: Body, main: RequestShape): readonly RequestShape[] {
  const management = body["context_management"];
  const edits =
    isObject(management) && Array.isArray(management["edits"]) ? (management["edits"] as unknown[]) : [];
  const compaction = edits.find((edit) => isObject(edit) && stringOf(edit["type"]).startsWith("compact"));
  if (!isObject(compaction)) return [];
  const { trigger } = compaction as { trigger?: unknown };
  const stated = isObject(trigger) ? positiveInteger(trigger["value"]) : null;
  const from = Math.max(stated ?? COMPACTION_TRIGGER_DEFAULT, COMPACTION_TRIGGER_MIN);
  const grown = main.textTokens + (main.output.limit ?? 0);
  // Pictures and the earlier turns of a thread fill the context as the text does.
  const reached = grown + totalOf(main.otherInput);
  if (main.refersTo === null && reached < from) return [];
  return [{ ...main, textTokens: grown, output: outputOf(null), toolFees: {} }];
}

function timesUsage(usage: Usage, times: number): Usage {
  return Object.fromEntries(Object.entries(usage).map(([bucket, tokens]) => [bucket, tokens * times]));
}

function totalOf(usage: Usage): number {
  return Object.values(usage).reduce((sum, tokens) => sum + tokens, 0);
}
