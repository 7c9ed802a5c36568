/** @module What Claude says: the content blocks of a message and why it stopped. */
import { isSchema, splitText, textOf, toolCallsOf } from "../content.ts";
import type { MadeToolCall, OfferedTool, Schema } from "../content.ts";
import type { Generation } from "../generation.ts";
import type { ScriptedToolCall } from "../script.ts";
import type { JsonObject, ServedRequest } from "../served-request.ts";

export type Block = { readonly type: string; readonly [name: string]: unknown };

export interface Answer {
  readonly blocks: readonly Block[];
  readonly stopReason: string;
  readonly stopDetails: object | null;
}

function offeredTools({ tools }: JsonObject): OfferedTool[] {
  const list = Array.isArray(tools) ? (tools as unknown[]) : [];
  return list.flatMap((tool) =>
    isSchema(tool) && isSchema(tool["input_schema"])
      ? [{ name: String(tool["name"]), parameters: tool["input_schema"] }]
      : [],
  );
}

function forcedCall(
  { tool_choice: choice }: JsonObject,
  tools: readonly OfferedTool[],
): ScriptedToolCall | undefined {
  if (!isSchema(choice)) return undefined;
  if (choice["type"] === "any") return tools[0];
  return choice["type"] === "tool" ? tools.find(({ name }) => name === choice["name"]) : undefined;
}

/** `output_config.format`, or the earlier `output_format`. */
function requestedSchema(body: JsonObject): Schema | undefined {
  const config = body["output_config"];
  const format = (isSchema(config) ? config["format"] : undefined) ?? body["output_format"];
  return isSchema(format) && isSchema(format["schema"]) ? format["schema"] : undefined;
}

function thinkingOf({ body }: ServedRequest, { step, quantities }: Generation): string | undefined {
  if (step.thinking !== undefined) return step.thinking;
  const asked = isSchema(body["thinking"]) && body["thinking"]["type"] !== "disabled";
  return asked && (quantities.reasoningTokens ?? 0) > 0 ? "Let me think about that." : undefined;
}

function toolBlock({ id, name, arguments: json }: MadeToolCall): Block {
  return { type: "tool_use", id, name, input: JSON.parse(json) as unknown };
}

/** Thinking, the scripted blocks, then the text or the tool calls. */
export function answerTo(request: ServedRequest, generation: Generation): Answer {
  const { step } = generation;
  const tools = offeredTools(request.body);
  const calls = toolCallsOf(generation, tools, forcedCall(request.body, tools), "toolu_");
  const thinking = thinkingOf(request, generation);
  const spoken = calls.length === 0 || step.content !== undefined;
  const natural =
    step.refusal === undefined
      ? calls.length > 0
        ? "tool_use"
        : generation.reachedMaximum
          ? "max_tokens"
          : "end_turn"
      : "refusal";
  const text = spoken ? textOf(generation, requestedSchema(request.body), false) : "";
  return {
    blocks: [
      ...(thinking === undefined ? [] : [{ type: "thinking", thinking, signature: "c2lnbmF0dXJl" }]),
      ...((step.anthropic?.blocks ?? []) as readonly Block[]),
      ...(spoken ? [{ type: "text", text, citations: null }] : []),
      ...calls.map(toolBlock),
    ],
    stopReason: step.finishReason ?? natural,
    stopDetails:
      step.refusal === undefined
        ? null
        : { type: "refusal", category: null, explanation: step.refusal, ...step.anthropic?.stopDetails },
  };
}

export interface BlockDeltas {
  /** The block as `content_block_start` has it. */
  readonly start: Block;
  readonly deltas: readonly Block[];
  /** After the last delta. */
  readonly closing: readonly Block[];
}

/** How a block comes in a stream. Blocks of other kinds come whole. */
export function deltasOf(block: Block, chunks: number): BlockDeltas {
  if (block.type === "text") {
    const deltas = splitText(String(block["text"]), chunks).map((text) => ({ type: "text_delta", text }));
    return { start: { ...block, text: "" }, deltas, closing: [] };
  }
  if (block.type === "thinking") {
    const { thinking, signature } = block;
    return {
      start: { ...block, thinking: "", signature: "" },
      deltas: splitText(String(thinking), chunks).map((piece) => ({
        type: "thinking_delta",
        thinking: piece,
      })),
      closing: [{ type: "signature_delta", signature }],
    };
  }
  if (block.type === "tool_use") {
    const pieces = splitText(JSON.stringify(block["input"]), chunks);
    return {
      start: { ...block, input: {} },
      deltas: pieces.map((piece) => ({ type: "input_json_delta", partial_json: piece })),
      closing: [],
    };
  }
  return { start: block, deltas: [], closing: [] };
}

/** Blocks that come in deltas share the chunks; the earlier ones get the remainder. */
export function chunksPerBlock(blocks: readonly Block[], chunks: number): number[] {
  const streamed = blocks.filter(({ type }) => ["text", "thinking", "tool_use"].includes(type)).length;
  let left = Math.max(chunks, streamed);
  let blocksLeft = streamed;
  return blocks.map(({ type }) => {
    if (!["text", "thinking", "tool_use"].includes(type)) return 0;
    const share = Math.ceil(left / blocksLeft);
    left -= share;
    blocksLeft -= 1;
    return share;
  });
}
