/** @module The words of an answer: default text, samples of JSON schemas, pieces. */
import type { Generation } from "./generation.ts";
import type { ScriptedToolCall } from "./script.ts";
import type { ServedRequest } from "./served-request.ts";

/** Has one, two, three and four byte characters, so that a split byte shows. */
export const defaultText = "Hello from the provider test server: café, 東京, 😀.";

/** Pieces of nearly equal length that join to the text; never splits a code point. */
export function splitText(text: string, pieces: number): string[] {
  const points = Array.from(text);
  const count = Math.max(1, pieces);
  return Array.from({ length: count }, (_, index) =>
    points
      .slice(Math.floor((index * points.length) / count), Math.floor(((index + 1) * points.length) / count))
      .join(""),
  );
}

type Schema = { readonly [name: string]: unknown };

function isSchema(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function resolve(schema: Schema, root: Schema): Schema {
  const reference = schema["$ref"];
  if (typeof reference !== "string") return schema;
  let target: unknown = root;
  for (const step of reference.split("/").slice(1)) target = isSchema(target) ? target[step] : undefined;
  return isSchema(target) ? target : {};
}

/** The simplest value that fits a JSON schema (the subset that structured outputs allow). */
export function sampleOf(schema: Schema, root: Schema = schema, depth = 0): unknown {
  const here = resolve(schema, root);
  if ("const" in here) return here["const"];
  if (Array.isArray(here["enum"])) return here["enum"][0];
  const options = here["anyOf"] ?? here["oneOf"];
  if (Array.isArray(options)) {
    const plain = options.find((option) => isSchema(option) && option["$ref"] === undefined) as unknown;
    return sampleOf((plain ?? options[0]) as Schema, root, depth + 1);
  }
  const type = Array.isArray(here["type"]) ? (here["type"] as unknown[])[0] : here["type"];
  if (type === "object" || isSchema(here["properties"])) {
    const properties = Object.entries(isSchema(here["properties"]) ? here["properties"] : {});
    return Object.fromEntries(
      properties.map(([name, property]) => [
        name,
        isSchema(property) ? sampleOf(property, root, depth + 1) : null,
      ]),
    );
  }
  if (type === "array") {
    const items = here["items"];
    const wanted = Math.max(Number(here["minItems"] ?? 0), depth < 8 ? 1 : 0);
    return isSchema(items) ? Array.from({ length: wanted }, () => sampleOf(items, root, depth + 1)) : [];
  }
  if (type === "number" || type === "integer") return Number(here["minimum"] ?? 1);
  if (type === "boolean") return true;
  return type === "null" ? null : "sample";
}

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

/** The scripted text, or valid JSON when a format is asked for, or the default text. */
export function answerText(request: ServedRequest, generation: Generation): string {
  if (generation.step.content !== undefined) return generation.step.content;
  const schema = requestedSchema(request);
  if (schema !== undefined) return JSON.stringify(sampleOf(schema));
  return wantsJson(request) ? '{"ok":true}' : defaultText;
}

export interface MadeToolCall {
  readonly id: string;
  readonly name: string;
  /** JSON text. */
  readonly arguments: string;
}

interface OfferedTool {
  readonly name: string;
  readonly parameters: Schema;
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

/** The tool calls of the answer: scripted ones, else the forced one, else none. */
export function madeToolCalls(request: ServedRequest, generation: Generation): MadeToolCall[] {
  const tools = offeredTools(request);
  const forced = forcedCall(request, tools);
  const calls = generation.step.toolCalls ?? (forced === undefined ? [] : [{ name: forced.name }]);
  return calls.map((call: ScriptedToolCall, index) => {
    const sample = sampleOf(tools.find(({ name }) => name === call.name)?.parameters ?? { type: "object" });
    const given = call.arguments ?? sample;
    return {
      id: call.id ?? `${generation.id("call_")}_${index}`,
      name: call.name,
      arguments: typeof given === "string" ? given : JSON.stringify(given),
    };
  });
}
