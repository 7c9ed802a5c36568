/** @module /interactions: create (JSON, SSE, background), get, cancel, delete. */
import { isSchema, splitText, textOf, toolCallsOf } from "../content.ts";
import type { OfferedTool } from "../content.ts";
import type { Endpoint } from "../endpoint.ts";
import { free } from "../endpoint.ts";
import { textDefaults } from "../generation.ts";
import type { Generation } from "../generation.ts";
import { cutOutput, outputOfChunks } from "../quantities.ts";
import type { Quantities } from "../quantities.ts";
import { jsonReply } from "../reply.ts";
import type { EndpointContext, Reply } from "../reply.ts";
import type { ServedRequest } from "../served-request.ts";
import { eventPiece, group } from "../sse.ts";
import type { Piece } from "../sse.ts";
import { googleError } from "./errors.ts";
import { cachedModalities, outputModalities, promptModalities, sidesOf, toolUseModalities } from "./usage.ts";

type Step = { readonly type: string; readonly [name: string]: unknown };
type Status =
  | "in_progress"
  | "requires_action"
  | "requires_continuation"
  | "completed"
  | "failed"
  | "incomplete"
  | "cancelled";

function tokensBy(list: readonly Record<string, unknown>[]): object[] {
  return list.map(({ modality, tokenCount }) => ({
    modality: String(modality).toLowerCase(),
    tokens: tokenCount,
  }));
}

/** `Usage` of an interaction: the same four disjoint counts under other names. */
export function interactionUsage(quantities: Quantities, { step }: Generation): Record<string, unknown> {
  const { prompt, candidates, thoughts, toolUse } = sidesOf(quantities);
  const tools = [
    { type: "google_search", count: quantities.webSearchRequests },
    { type: "google_maps", count: quantities.mapsRequests },
    { type: "retrieval", count: quantities.retrievalRequests },
  ].filter(({ count }) => count !== undefined);
  return {
    total_input_tokens: prompt,
    total_output_tokens: candidates,
    total_thought_tokens: thoughts,
    total_cached_tokens: quantities.cachedInputTokens ?? 0,
    total_tool_use_tokens: toolUse,
    total_tokens: prompt + candidates + thoughts + toolUse,
    ...(step.google?.withoutDetails === true
      ? {}
      : {
          input_tokens_by_modality: tokensBy(promptModalities(quantities, prompt)),
          output_tokens_by_modality: tokensBy(outputModalities(quantities, candidates)),
          cached_tokens_by_modality: tokensBy(cachedModalities(quantities)),
          tool_use_tokens_by_modality: tokensBy(toolUseModalities(toolUse)),
        }),
    ...(tools.length === 0 ? {} : { grounding_tool_count: tools }),
  };
}

function offeredTools({ body }: ServedRequest): OfferedTool[] {
  const tools = Array.isArray(body["tools"]) ? (body["tools"] as unknown[]) : [];
  return tools.flatMap((tool) =>
    isSchema(tool) && tool["type"] === "function"
      ? [{ name: String(tool["name"]), parameters: isSchema(tool["parameters"]) ? tool["parameters"] : {} }]
      : [],
  );
}

function stepsOf({ request, generation }: EndpointContext): Step[] {
  const { step } = generation;
  const calls = toolCallsOf(generation, offeredTools(request), undefined, "call_");
  const thoughts = step.thinking === undefined ? [] : [step.thinking];
  return [
    ...thoughts.map((text) => ({ type: "thought", summary: [{ type: "text", text }] })),
    ...((step.google?.parts ?? []) as readonly Step[]),
    ...calls.map(({ id, name, arguments: json }) => ({
      type: "function_call",
      id,
      name,
      arguments: JSON.parse(json) as unknown,
    })),
    ...(calls.length === 0 || step.content !== undefined
      ? [{ type: "model_output", content: [{ type: "text", text: textOf(generation, undefined, false) }] }]
      : []),
  ];
}

function finalStatus({ generation }: EndpointContext): Status {
  const { step } = generation;
  if (step.responseStatus !== undefined) return step.responseStatus;
  if (step.google?.continuationToken !== undefined) return "requires_continuation";
  if ((step.toolCalls?.length ?? 0) > 0) return "requires_action";
  return generation.reachedMaximum ? "incomplete" : "completed";
}

/** The object as it looks in a status: steps and usage only once it is final. */
export function interaction(
  context: EndpointContext,
  status: Status,
  steps: readonly Step[],
): Record<string, unknown> {
  const { request, generation } = context;
  const { body } = request;
  const final = status !== "in_progress" && status !== "cancelled";
  const created = new Date(generation.createdAt * 1_000).toISOString();
  const token = generation.step.google?.continuationToken;
  return {
    id: generation.id("interactions-"),
    object: "interaction",
    ...(typeof body["agent"] === "string" ? { agent: body["agent"] } : { model: generation.model }),
    status,
    created,
    updated: created,
    role: "model",
    ...(body["background"] === true ? { background: true } : {}),
    ...(typeof body["previous_interaction_id"] === "string"
      ? { previous_interaction_id: body["previous_interaction_id"] }
      : {}),
    service_tier: generation.serviceTier,
    steps,
    ...(status === "requires_continuation" ? { continuation_token: token } : {}),
    ...(final ? generation.reported(interactionUsage(generation.quantities, generation)) : {}),
  };
}

export function finalInteraction(context: EndpointContext): Record<string, unknown> {
  const status = finalStatus(context);
  return interaction(context, status, status === "failed" ? [] : stepsOf(context));
}

type Event = { readonly type: string; readonly [name: string]: unknown };

/** Named in `event_type`, in the data and in the `event:` line. */
function eventOf(name: string, data: object, id: string): Piece {
  const payload: Event = { type: name, event_type: name, event_id: id, ...data };
  return eventPiece(payload);
}

function deltasOf(step: Step, chunks: number): { start: Step; deltas: Step[] } {
  const [content] = (step["content"] ?? step["summary"] ?? []) as readonly Step[];
  if (step.type === "model_output" && content !== undefined) {
    const deltas = splitText(String(content["text"]), chunks).map((text) => ({ type: "text", text }));
    return { start: { ...step, content: [] }, deltas };
  }
  if (step.type === "thought" && content !== undefined) {
    return { start: { type: "thought" }, deltas: [{ type: "thought_summary", content }] };
  }
  if (step.type === "function_call") {
    const deltas = splitText(JSON.stringify(step["arguments"]), chunks).map((piece) => ({
      type: "arguments_delta",
      arguments: piece,
    }));
    return { start: { ...step, arguments: {} }, deltas };
  }
  return { start: step, deltas: [] };
}

/** created, the steps, completed; the running total comes with the deltas when `usageOn` says "every". */
export function interactionStream(context: EndpointContext): Reply {
  const { generation } = context;
  const steps = stepsOf(context);
  let events = 0;
  const next = (): string => `${generation.id("ev_")}_${(events += 1)}`;
  const running = interaction(context, "in_progress", []);
  const prelude = [eventOf("interaction.created", { interaction: running }, next())];
  const lists = steps.map((step) =>
    deltasOf(step, Math.max(1, Math.floor(generation.chunks / steps.length))),
  );
  const total = lists.reduce((sum, { deltas }) => sum + deltas.length, 0);
  const content: Piece[] = [];
  let pending: Piece[] = [];
  lists.forEach(({ start, deltas }, index) => {
    pending.push(eventOf("step.start", { index, step: start }, next()));
    deltas.forEach((delta, position) => {
      const metadata = runningTotal(generation, total, content.length + 1);
      const last = position === deltas.length - 1;
      content.push(
        group([
          ...pending,
          eventOf("step.delta", { index, delta, ...metadata }, next()),
          ...(last ? [eventOf("step.stop", { index }, next())] : []),
        ]),
      );
      pending = [];
    });
    if (deltas.length === 0) pending.push(eventOf("step.stop", { index }, next()));
  });
  const final = { interaction: finalInteraction(context) };
  return {
    status: 200,
    contentType: "text/event-stream",
    prelude,
    content,
    coda: [
      ...pending,
      eventOf("interaction.completed", final, next()),
      ...(generation.step.omitDone === true ? [] : [Buffer.from("event: done\ndata: [DONE]\n\n")]),
    ],
    errorPiece: eventOf(
      "error",
      { error: { code: "internal", message: "An internal error has occurred." } },
      "ev_error",
    ),
    garbage: Buffer.from('event: step.delta\ndata: {"broken": tru\n\n'),
    streamed: true,
  };
}

function runningTotal(generation: Generation, chunks: number, written: number): object {
  if (generation.step.google?.usageOn !== "every") return {};
  const { quantities } = generation;
  const output = outputOfChunks(quantities.outputTokens ?? 0, chunks, written);
  const { usage } = generation.reported(interactionUsage(cutOutput(quantities, output), generation));
  return { metadata: { total_usage: usage } };
}

function create(context: EndpointContext): Reply {
  const { request } = context;
  if (request.stream) return interactionStream(context);
  if (request.body["background"] === true) return jsonReply(interaction(context, "in_progress", []));
  return jsonReply(finalInteraction(context));
}

const created: Endpoint = {
  answer: create,
  bills: () => textDefaults,
  shape: interactionUsage,
  keep: (context, account, { interactions }) => interactions.keep(context, account),
};

export function missingInteraction(id: string): Reply {
  return jsonReply(googleError(404, `Interaction ${id} is not found.`), 404);
}

/** undefined: not a path of interactions. */
export function interactionEndpoint({ method, route }: ServedRequest): Endpoint | undefined {
  const [, interactions, id, action] = route.split("/");
  if (interactions !== "interactions") return undefined;
  if (id === undefined) return method === "POST" ? created : undefined;
  if (action === "cancel") return free((_context, stores) => stores.interactions.cancel(id));
  if (method === "DELETE") return free((_context, stores) => stores.interactions.remove(id));
  return free((context, stores) => stores.interactions.retrieve(id, context));
}
