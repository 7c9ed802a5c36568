/** @module The events that build up one output item of a streamed response. */
import { splitText } from "../content.ts";
import type { TypedEvent } from "./streams.ts";

export interface OutputItem {
  readonly type: string;
  readonly id: string;
  readonly [name: string]: unknown;
}

type Phase = "prelude" | "content" | "coda";

export interface PhasedEvent {
  readonly phase: Phase;
  readonly event: TypedEvent;
}

/** Gives every event its sequence number and sorts them into the phases of a stream. */
export function numbered(events: readonly PhasedEvent[]): Record<Phase, TypedEvent[]> {
  const parts: Record<Phase, TypedEvent[]> = { prelude: [], content: [], coda: [] };
  events.forEach(({ phase, event }, sequence) => {
    parts[phase].push({ ...event, sequence_number: sequence });
  });
  return parts;
}

interface Deltas {
  readonly before: readonly TypedEvent[];
  readonly deltas: readonly TypedEvent[];
  readonly after: readonly TypedEvent[];
}

function callDeltas(item: OutputItem, place: object, chunks: number): Deltas {
  const args = String(item["arguments"]);
  return {
    before: [],
    deltas: splitText(args, chunks).map((delta) => ({
      type: "response.function_call_arguments.delta",
      ...place,
      delta,
    })),
    after: [{ type: "response.function_call_arguments.done", ...place, name: item["name"], arguments: args }],
  };
}

function partDeltas(part: { readonly [name: string]: unknown }, itemPlace: object, chunks: number): Deltas {
  const place = { ...itemPlace, content_index: 0 };
  const refused = part["type"] === "refusal";
  const text = String(refused ? part["refusal"] : part["text"]);
  const name = refused ? "response.refusal" : "response.output_text";
  const logprobs = refused ? {} : { logprobs: [] };
  const empty = refused ? { ...part, refusal: "" } : { ...part, text: "" };
  return {
    before: [{ type: "response.content_part.added", ...place, part: empty }],
    deltas: splitText(text, chunks).map((delta) => ({ type: `${name}.delta`, ...place, delta, ...logprobs })),
    after: [
      { type: `${name}.done`, ...place, ...(refused ? { refusal: text } : { text }), ...logprobs },
      { type: "response.content_part.done", ...place, part },
    ],
  };
}

/**
 * output_item.added, the deltas, output_item.done. The first item's opening belongs to the prelude and the last
 * one's closing to the coda; in between, framing travels with the phase "content" of its neighbour.
 */
export function itemEvents(
  item: OutputItem,
  index: number,
  chunks: number,
  first: boolean,
  last: boolean,
): PhasedEvent[] {
  const place = { output_index: index, item_id: item.id };
  const call = item.type === "function_call";
  const parts = item["content"] as readonly { readonly [name: string]: unknown }[] | undefined;
  const { before, deltas, after } = call
    ? callDeltas(item, place, chunks)
    : partDeltas(parts?.[0] ?? {}, place, chunks);
  const opened = { ...item, status: "in_progress", ...(call ? { arguments: "" } : { content: [] }) };
  const opening = [{ type: "response.output_item.added", output_index: index, item: opened }, ...before];
  const closing = [...after, { type: "response.output_item.done", output_index: index, item }];
  const phased = (phase: Phase, events: readonly TypedEvent[]): PhasedEvent[] =>
    events.map((event) => ({ phase, event }));
  return [
    ...phased(first ? "prelude" : "content", opening),
    ...phased("content", deltas),
    ...phased(last ? "coda" : "content", closing),
  ];
}
