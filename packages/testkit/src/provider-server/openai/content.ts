/** @module What a model of OpenAI says: the format that was asked for, the tools on offer. */
import { isSchema, textOf, toolCallsOf } from "../content.ts";
import type { MadeToolCall, OfferedTool, Schema } from "../content.ts";
import type { Generation } from "../generation.ts";
import type { ScriptedToolCall } from "../script.ts";
import type { ServedRequest } from "../served-request.ts";

function requestedSchema({ body }: ServedRequest): Schema | undefined {
  const chat = body["response_format"];
  if (isSchema(chat) && isSchema(chat["json_schema"]))
    return chat["json_schema"]["schema"] as Schema | undefined;
  const text = body["text"];
  const format = isSchema(text) ? text["format"] : undefined;
  return isSchema(format) && isSchema(format["schema"]) ? format["schema"] : undefined;
}

function wantsJson({ body }: ServedRequest): boolean {
  const text = body["text"];
  const format = body["response_format"] ?? (isSchema(text) ? text["format"] : undefined);
  return isSchema(format) && format["type"] === "json_object";
}

export function answerText(request: ServedRequest, generation: Generation): string {
  return textOf(generation, requestedSchema(request), wantsJson(request));
}

/** Function tools in chat form ({ function: {...} }) or responses form (flat). */
function offeredTools({ body }: ServedRequest): OfferedTool[] {
  const tools = Array.isArray(body["tools"]) ? (body["tools"] as unknown[]) : [];
  return tools.flatMap((tool) => {
    if (!isSchema(tool) || tool["type"] !== "function") return [];
    const declared = isSchema(tool["function"]) ? tool["function"] : tool;
    const parameters = isSchema(declared["parameters"]) ? declared["parameters"] : {};
    return [{ name: String(declared["name"]), parameters }];
  });
}

/** A forced tool choice makes the model call that tool, as the real one would. */
function forcedCall({ body }: ServedRequest, tools: readonly OfferedTool[]): ScriptedToolCall | undefined {
  const choice = body["tool_choice"];
  if (choice === "required") return tools[0];
  if (!isSchema(choice) || choice["type"] !== "function") return undefined;
  const declared = isSchema(choice["function"]) ? choice["function"] : choice;
  return tools.find(({ name }) => name === declared["name"]);
}

export function madeToolCalls(request: ServedRequest, generation: Generation): MadeToolCall[] {
  const tools = offeredTools(request);
  return toolCallsOf(generation, tools, forcedCall(request, tools), "call_");
}
