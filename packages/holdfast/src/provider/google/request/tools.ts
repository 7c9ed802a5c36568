/** @module The provider's own tools in a request: what they may add to it, and what they cost. */
import { CallNotAllowedError } from "../../../error/call-not-allowed-error.ts";
import type { GuardSettings } from "../../../guard/guard-settings.ts";
import type { Usage } from "../../../usage/usage.ts";
import type { Bypass } from "../../endpoint-class.ts";
import { isObject, stringOf } from "../../request/request-shape.ts";
import { billedByQuery } from "../grounding.ts";
import { camelFields, listOf } from "./spelling.ts";

/** Queries of a grounded call that are held for where each is billed; the API has no limit for them. */
const QUERIES_HELD = 10;

/** Tools that the application runs itself. The browser of computer use is the application's. */
const CLIENT_TOOLS: ReadonlySet<string> = new Set([
  "functionDeclarations",
  "function",
  "computerUse",
  "computer_use",
]);

/**
 * Tools whose fees are neither in the usage nor in the price of the model. Retrieval from the application's own stores
 * on Vertex is billed there (cloud.google.com/generative-ai-app-builder/pricing, 2026-11), searching with others' engines
 * by their makers; what a remote MCP server does is nobody's to bound.
 */
const UNMETERED: ReadonlyMap<string, Bypass> = new Map([
  ["enterpriseWebSearch", "agents"],
  ["parallelAiSearch", "agents"],
  ["exaAiSearch", "agents"],
  ["retrieval", "agents"],
  ["mcpServers", "agents"],
  ["mcp_server", "agents"],
]);

/**
 * Names of the tools that run at the provider: keys of generateContent in lowerCamelCase, types of interactions as they
 * are.
 */
export function serverToolsOf(tools: unknown): readonly string[] {
  return listOf(tools)
    .flatMap((given) => {
      if (!isObject(given)) return [];
      const type = stringOf(given["type"]);
      if (type !== "") return [type];
      const tool = camelFields(given);
      return Object.keys(tool).filter((key) => tool[key] !== undefined && tool[key] !== null);
    })
    .filter((name) => !CLIENT_TOOLS.has(name));
}

/** @throws {CallNotAllowedError} when a tool would be billed where no hold can follow it */
export function refuseUnmeteredTools(tools: readonly string[], { allow }: GuardSettings): void {
  for (const tool of tools) {
    const bypass = UNMETERED.get(tool);
    if (bypass === undefined || allow.has(bypass)) continue;
    throw new CallNotAllowedError(
      `The tool ${tool} is billed apart from the model's usage. Leave it out, or allow it with allow: ["${bypass}"]; its own fee is then not counted.`,
    );
  }
}

/** The most that grounding is held for. @param candidates each of them may be grounded */
export function groundingFees(tools: readonly string[], model: string, candidates: number): Usage {
  const searches = tools.some((tool) => /^(googleSearch|googleSearchRetrieval|google_search)$/.test(tool));
  const maps = tools.some((tool) => /^(googleMaps|google_maps)$/.test(tool));
  const times = billedByQuery(model) ? QUERIES_HELD * candidates : 1;
  return { ...(searches ? { webSearches: times } : {}), ...(maps ? { mapGroundings: times } : {}) };
}
