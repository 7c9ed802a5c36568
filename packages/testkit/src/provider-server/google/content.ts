/** @module What Gemini says: the parts of a candidate and why it stopped. */
import { isSchema, splitText, textOf, toolCallsOf } from "../content.ts";
import type { OfferedTool, Schema } from "../content.ts";
import type { Generation } from "../generation.ts";
import type { ScriptedToolCall } from "../script.ts";
import type { JsonObject, ServedRequest } from "../served-request.ts";

export type Part = Readonly<Record<string, unknown>>;

export interface Answer {
  /** In order; the first of them are whole, the last kind comes in pieces. */
  readonly parts: readonly Part[];
  readonly finishReason: string;
  readonly candidates: number;
  readonly blocked: string | undefined;
}

function listOf(value: unknown): readonly Schema[] {
  return Array.isArray(value) ? (value as unknown[]).filter(isSchema) : [];
}

function offeredTools({ tools }: JsonObject): OfferedTool[] {
  return listOf(tools).flatMap((tool) =>
    listOf(tool["functionDeclarations"]).map((declared) => {
      const parameters = declared["parametersJsonSchema"] ?? declared["parameters"];
      return { name: String(declared["name"]), parameters: isSchema(parameters) ? parameters : {} };
    }),
  );
}

function forcedCall({ toolConfig }: JsonObject, tools: readonly OfferedTool[]): ScriptedToolCall | undefined {
  const config = isSchema(toolConfig) ? toolConfig["functionCallingConfig"] : undefined;
  if (!isSchema(config) || config["mode"] !== "ANY") return undefined;
  const allowed = config["allowedFunctionNames"];
  return tools.find(({ name }) => !Array.isArray(allowed) || allowed.includes(name));
}

export function generationConfig(body: JsonObject): Schema {
  const config = body["generationConfig"];
  return isSchema(config) ? config : {};
}

function showsThoughts(body: JsonObject): boolean {
  const thinking = generationConfig(body)["thinkingConfig"];
  return isSchema(thinking) && thinking["includeThoughts"] === true;
}

function thoughtsOf({ body }: ServedRequest, { step, quantities }: Generation): Part[] {
  const sample = showsThoughts(body) && (quantities.reasoningTokens ?? 0) > 0;
  const text = step.thinking ?? (sample ? "Let me think about that." : undefined);
  return text === undefined ? [] : [{ text, thought: true }];
}

function spokenText(request: ServedRequest, generation: Generation): string {
  const config = generationConfig(request.body);
  const schema = config["responseJsonSchema"] ?? config["responseSchema"];
  const json = config["responseMimeType"] === "application/json";
  return textOf(generation, isSchema(schema) ? schema : undefined, json);
}

/** One transparent pixel. */
export const pixel =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";

function media(body: JsonObject): Part[] {
  const wanted = generationConfig(body)["responseModalities"];
  const modalities = Array.isArray(wanted) ? (wanted as unknown[]) : [];
  return [
    ...(modalities.includes("IMAGE") ? [{ inlineData: { mimeType: "image/png", data: pixel } }] : []),
    ...(modalities.includes("AUDIO")
      ? [
          {
            inlineData: {
              mimeType: "audio/L16;codec=pcm;rate=24000",
              data: Buffer.alloc(24).toString("base64"),
            },
          },
        ]
      : []),
  ];
}

export function answerTo(request: ServedRequest, generation: Generation): Answer {
  const { step } = generation;
  const tools = offeredTools(request.body);
  const calls = toolCallsOf(generation, tools, forcedCall(request.body, tools), "call_");
  const shown = media(request.body);
  const spoken = calls.length === 0 || step.content !== undefined;
  const count = generationConfig(request.body)["candidateCount"];
  const natural = generation.reachedMaximum ? "MAX_TOKENS" : "STOP";
  return {
    parts: [
      ...thoughtsOf(request, generation),
      ...((step.google?.parts ?? []) as readonly Part[]),
      ...shown,
      ...(spoken && (shown.length === 0 || step.content !== undefined)
        ? [{ text: spokenText(request, generation) }]
        : []),
      ...calls.map(({ name, arguments: json }, index) => ({
        functionCall: {
          ...(step.toolCalls?.[index]?.id === undefined ? {} : { id: step.toolCalls[index].id }),
          name,
          args: JSON.parse(json) as unknown,
        },
      })),
    ],
    finishReason:
      step.finishReason ?? (step.google?.continuationToken === undefined ? natural : "CONTINUATION"),
    candidates: typeof count === "number" && count > 0 ? count : 1,
    blocked: step.refusal,
  };
}

/** The parts as `chunks` lists: the longest text is cut, everything else comes whole beside it. */
export function chunked(parts: readonly Part[], chunks: number): Part[][] {
  const cut = parts.findLast((part) => typeof part["text"] === "string" && part["thought"] !== true);
  if (cut === undefined) return spread(parts, chunks);
  const pieces = splitText(String(cut["text"]), chunks);
  const before = parts.slice(0, parts.indexOf(cut));
  const after = parts.slice(parts.indexOf(cut) + 1);
  return pieces.map((text, index) => [
    ...(index === 0 ? before : []),
    { ...cut, text },
    ...(index === pieces.length - 1 ? after : []),
  ]);
}

/** Without text every chunk has its share of the parts; some may have none. */
function spread(parts: readonly Part[], chunks: number): Part[][] {
  const count = Math.max(1, Math.min(chunks, parts.length));
  return Array.from({ length: count }, (_, index) =>
    parts.slice(Math.floor((index * parts.length) / count), Math.floor(((index + 1) * parts.length) / count)),
  );
}
