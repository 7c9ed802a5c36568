/** @module The tools of a request: who runs them, and what they may cost besides tokens. */
import { isObject, positiveInteger, stringOf, type Body } from "../../request/request-shape.ts";

export interface RequestTool {
  /** Empty for one that the application defines. */
  readonly type: string;
  /** Null when the request states none. */
  readonly maxUses: number | null;
  readonly definition: Body;
}

export function toolsOf(body: Body): readonly RequestTool[] {
  if (!Array.isArray(body["tools"])) return [];
  return (body["tools"] as unknown[]).filter(isObject).map((definition) => {
    const type = stringOf(definition["type"]);
    return {
      type: type === "custom" ? "" : type,
      maxUses: positiveInteger(definition["max_uses"]),
      definition,
    };
  });
}

/** Uses of the provider's own tools that are held for when `max_uses` does not bound them; nobody enforces it. */
export const TOOL_USES_HELD = 10;

const SERVER_TOOL =
  /^(web_search|web_fetch|code_execution|tool_search_tool|advisor|mcp_toolset|bash_code_execution|text_editor_code_execution)/;

/** Tools that run at the provider: the model goes on with their results, which are not in the request. */
export function isServerTool({ type }: RequestTool): boolean {
  return SERVER_TOOL.test(type);
}

/** Searches that the request allows. */
export function webSearchesOf(tools: readonly RequestTool[]): number {
  return tools
    .filter(({ type }) => type.startsWith("web_search"))
    .reduce((sum, { maxUses }) => sum + (maxUses ?? TOOL_USES_HELD), 0);
}
