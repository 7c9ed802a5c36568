/** @module The words of an answer: default text, samples of JSON schemas, pieces. */
import type { Generation } from "./generation.ts";
import type { ScriptedToolCall } from "./script.ts";

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

export type Schema = { readonly [name: string]: unknown };

export function isSchema(value: unknown): value is Schema {
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
  const given = Array.isArray(here["type"]) ? (here["type"] as unknown[])[0] : here["type"];
  // Google's schemas say "STRING".
  const type = typeof given === "string" ? given.toLowerCase() : given;
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

/** The scripted text, or valid JSON when a format is asked for, or the default text. */
export function textOf({ step }: Generation, schema: Schema | undefined, json: boolean): string {
  if (step.content !== undefined) return step.content;
  if (schema !== undefined) return JSON.stringify(sampleOf(schema));
  return json ? '{"ok":true}' : defaultText;
}

export interface MadeToolCall {
  readonly id: string;
  readonly name: string;
  /** JSON text. */
  readonly arguments: string;
}

export interface OfferedTool {
  readonly name: string;
  readonly parameters: Schema;
}

/** The tool calls of the answer: scripted ones, else the forced one, else none. */
export function toolCallsOf(
  generation: Generation,
  tools: readonly OfferedTool[],
  forced: ScriptedToolCall | undefined,
  idPrefix: string,
): MadeToolCall[] {
  const calls = generation.step.toolCalls ?? (forced === undefined ? [] : [{ name: forced.name }]);
  return calls.map((call: ScriptedToolCall, index) => {
    const sample = sampleOf(tools.find(({ name }) => name === call.name)?.parameters ?? { type: "object" });
    const given = call.arguments ?? sample;
    return {
      id: call.id ?? `${generation.id(idPrefix)}_${index}`,
      name: call.name,
      arguments: typeof given === "string" ? given : JSON.stringify(given),
    };
  });
}
