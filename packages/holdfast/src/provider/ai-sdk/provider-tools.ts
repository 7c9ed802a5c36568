/**
 * @module The provider's own tools in a call of the AI SDK: what they add to the input, what fees they have, and which
 * of them are billed where no hold can follow.
 *
 * Ids as of @ai-sdk/openai 4.0.118, @ai-sdk/anthropic 4.0.105 and @ai-sdk/google 4.0.121 (2026-11).
 */
import { CallNotAllowedError } from "../../error/call-not-allowed-error.ts";
import type { Usage } from "../../usage/usage.ts";
import type { Bypass } from "../endpoint-class.ts";
import { isObject, positiveInteger, stringOf, type Body } from "../request/request-shape.ts";

/** Run by the application, or only choosing among what the request contains: they add nothing that is not in it. */
const CLIENT_TOOLS =
  /^(openai\.(local_shell|apply_patch|custom|computer|tool_search)|anthropic\.(bash|text_editor|computer|computer_toolset|memory|tool_search_bm25|tool_search_regex)_\d+)$/;

/** Their results become input of the same call; they have no fee of their own. */
const CONTEXT_TOOLS =
  /^(openai\.mcp|anthropic\.web_fetch_\d+|google\.(code_execution|url_context|file_search))$/;

const PREVIEW_SEARCH = /^openai\.web_search_preview$/;
const WEB_SEARCH = /^(openai\.web_search|anthropic\.web_search_\d+|google\.google_search)$/;
const FILE_SEARCH = /^openai\.file_search$/;
const MAPS = /^google\.google_maps$/;

/** Billed by the session, or apart from the model's usage. */
const APART: readonly (readonly [id: RegExp, bypass: Bypass])[] = [
  [/^openai\.(code_interpreter|shell|programmatic_tool_calling)$/, "containers"],
  [/^anthropic\.code_execution_\d+$/, "containers"],
];

/** Searches that are held for when the request does not bound them; nobody enforces it. */
const SEARCHES_HELD = 10;

/** What a use of such a tool is counted as. */
export type ToolFee = "webSearches" | "webSearchPreviews" | "fileSearches" | "mapGroundings";

export interface ProviderTools {
  /** What they do to the input, in words; null when there are none that do. */
  readonly refersTo: string | null;
  /** Fees in the worst case. */
  readonly fees: Usage;
  /** The fee of one call of a tool, by the name that the answer calls it by. */
  readonly feeByName: ReadonlyMap<string, ToolFee>;
}

/**
 * @throws {CallNotAllowedError} for a tool whose bill cannot be followed, or that is not known
 */
export function providerTools(
  tools: readonly object[] | undefined,
  callsMax: number | null,
  allow: ReadonlySet<string>,
): ProviderTools {
  const feeByName = new Map<string, ToolFee>();
  const referring: string[] = [];
  const fees: { [F in ToolFee]?: number } = {};
  for (const tool of (tools ?? []) as readonly Body[]) {
    const id = stringOf(tool["id"]);
    const type = stringOf(tool["type"]);
    if (type === "function" || CLIENT_TOOLS.test(id) || runsLocally(tool)) continue;
    const bucket = feeOf(id);
    if (bucket !== undefined) {
      feeByName.set(stringOf(tool["name"]), bucket);
      fees[bucket] = (fees[bucket] ?? 0) + (usesOf(tool) ?? callsMax ?? SEARCHES_HELD);
    } else if (!CONTEXT_TOOLS.test(id)) {
      refuseUnlessAllowed(id, allow);
    }
    referring.push(id);
  }
  return {
    refersTo:
      referring.length === 0
        ? null
        : `results of the provider's tools (${referring.join(", ").slice(0, 80)})`,
    fees,
    feeByName,
  };
}

function feeOf(id: string): ToolFee | undefined {
  if (PREVIEW_SEARCH.test(id)) return "webSearchPreviews";
  if (WEB_SEARCH.test(id)) return "webSearches";
  if (FILE_SEARCH.test(id)) return "fileSearches";
  return MAPS.test(id) ? "mapGroundings" : undefined;
}

function refuseUnlessAllowed(id: string, allow: ReadonlySet<string>): void {
  const bypass = APART.find(([pattern]) => pattern.test(id))?.[1] ?? "agents";
  if (allow.has(bypass)) return;
  throw new CallNotAllowedError(
    `The tool ${JSON.stringify(id.slice(0, 60))} is, or may be, billed apart from the model's usage. Leave it out, or ` +
      `allow it with allow: ["${bypass}"]; its own fee is then not counted.`,
  );
}

/** The limit that the provider enforces (Anthropic's `maxUses`). */
function usesOf(tool: Body): number | null {
  return isObject(tool["args"]) ? positiveInteger(tool["args"]["maxUses"]) : null;
}

/** A shell runs where its environment is. */
function runsLocally(tool: Body): boolean {
  if (tool["id"] !== "openai.shell" || !isObject(tool["args"])) return false;
  const environment = tool["args"]["environment"];
  return isObject(environment) && environment["type"] === "local";
}

export const NO_TOOLS: ProviderTools = { refersTo: null, fees: {}, feeByName: new Map() };
