/** @module POST /responses: the response object in each of its states. */
import { answerText, madeToolCalls } from "./content.ts";
import type { Generation } from "../generation.ts";
import { defaultTokens } from "../quantities.ts";
import { jsonReply } from "../reply.ts";
import { eventStream } from "./streams.ts";
import type { EndpointContext, Reply } from "../reply.ts";
import { itemEvents, numbered } from "./response-events.ts";
import type { OutputItem } from "./response-events.ts";
import type { ServedRequest } from "../served-request.ts";
import { responsesUsage, toolUsage } from "./usage-shapes.ts";

export type ResponseStatus = "queued" | "in_progress" | "completed" | "failed" | "incomplete" | "cancelled";

export type ResponseObject = Readonly<Record<string, unknown>>;

/** The base usage with `tool_usage` beside it, as a response reports them. */
export function responsesBill(quantities: Generation["quantities"]): Record<string, unknown> {
  const tools = toolUsage(quantities);
  return { ...responsesUsage(quantities), ...(tools === undefined ? {} : { tool_usage: tools }) };
}

function outputItems(request: ServedRequest, generation: Generation): OutputItem[] {
  const calls = madeToolCalls(request, generation);
  if (calls.length > 0) {
    return calls.map((call, index) => ({
      type: "function_call",
      id: `${generation.id("fc_")}_${index}`,
      call_id: call.id,
      name: call.name,
      arguments: call.arguments,
      status: "completed",
    }));
  }
  const { refusal } = generation.step;
  const text = answerText(request, generation);
  return [
    {
      type: "message",
      id: generation.id("msg_"),
      role: "assistant",
      status: "completed",
      content: [
        refusal === undefined
          ? { type: "output_text", text, annotations: [], logprobs: [] }
          : { type: "refusal", refusal },
      ],
    },
  ];
}

function echoed({ body }: ServedRequest): Record<string, unknown> {
  return {
    background: body["background"] === true,
    instructions: body["instructions"] ?? null,
    max_output_tokens: body["max_output_tokens"] ?? null,
    max_tool_calls: body["max_tool_calls"] ?? null,
    metadata: body["metadata"] ?? {},
    parallel_tool_calls: body["parallel_tool_calls"] ?? true,
    previous_response_id: body["previous_response_id"] ?? null,
    prompt_cache_key: body["prompt_cache_key"] ?? null,
    reasoning: body["reasoning"] ?? { effort: null, summary: null },
    safety_identifier: body["safety_identifier"] ?? null,
    store: body["store"] ?? true,
    temperature: body["temperature"] ?? 1,
    text: body["text"] ?? { format: { type: "text" } },
    tool_choice: body["tool_choice"] ?? "auto",
    tools: body["tools"] ?? [],
    top_logprobs: 0,
    top_p: body["top_p"] ?? 1,
    truncation: body["truncation"] ?? "disabled",
  };
}

/** The object as it looks in a status: output and usage only once it is final. */
export function responseObject(
  { request, generation }: EndpointContext,
  status: ResponseStatus,
  items: readonly OutputItem[],
): ResponseObject {
  const final = status === "completed" || status === "failed" || status === "incomplete";
  const tools = toolUsage(generation.quantities);
  return {
    id: generation.id("resp_"),
    object: "response",
    access_programs: null,
    created_at: generation.createdAt,
    completed_at: status === "completed" ? generation.createdAt : null,
    status,
    error: status === "failed" ? { code: "server_error", message: "The model failed to answer." } : null,
    incomplete_details: status === "incomplete" ? { reason: "max_output_tokens" } : null,
    model: generation.model,
    output: status === "completed" || status === "incomplete" ? items : [],
    service_tier: final ? generation.serviceTier : (request.body["service_tier"] ?? "auto"),
    ...echoed(request),
    ...(final ? generation.reported(responsesUsage(generation.quantities)) : { usage: null }),
    ...(final && tools !== undefined ? { tool_usage: tools } : {}),
  };
}

/** How the scripted generation ends. */
export function finalResponse(context: EndpointContext): ResponseObject {
  const { generation, request } = context;
  const natural = generation.reachedMaximum ? "incomplete" : "completed";
  return responseObject(context, generation.step.responseStatus ?? natural, outputItems(request, generation));
}

/** The full event sequence of a response. */
export function responseStream(context: EndpointContext): Reply {
  const { generation } = context;
  const final = finalResponse(context);
  const items = outputItems(context.request, generation);
  const perItem = Math.max(1, Math.floor(generation.chunks / items.length));
  const events = numbered([
    {
      phase: "prelude",
      event: { type: "response.created", response: responseObject(context, "in_progress", []) },
    },
    {
      phase: "prelude",
      event: { type: "response.in_progress", response: responseObject(context, "in_progress", []) },
    },
    ...items.flatMap((item, index) =>
      itemEvents(item, index, perItem, index === 0, index === items.length - 1),
    ),
    { phase: "coda", event: { type: `response.${String(final["status"])}`, response: final } },
  ]);
  return eventStream(events);
}

export function createResponse(context: EndpointContext): Reply {
  if (context.request.stream) return responseStream(context);
  if (context.request.body["background"] === true) return jsonReply(responseObject(context, "queued", []));
  return jsonReply(finalResponse(context));
}

export function countInputTokens({ generation }: EndpointContext): Reply {
  return jsonReply({
    object: "response.input_tokens",
    input_tokens: generation.quantities.inputTokens ?? defaultTokens,
  });
}

export function compactResponse({ generation }: EndpointContext): Reply {
  return jsonReply({
    id: generation.id("resp_"),
    object: "response.compaction",
    created_at: generation.createdAt,
    output: [{ id: generation.id("cmp_"), type: "compaction", encrypted_content: "c2FtcGxl" }],
    ...generation.reported(responsesUsage(generation.quantities)),
  });
}

/** POST /decisions: every question gets a predicate answer. */
export function decide({ request, generation }: EndpointContext): Reply {
  const questions = Array.isArray(request.body["questions"]) ? request.body["questions"] : [{}];
  return jsonReply({
    answers: questions.map((question: { name?: unknown } | null) => ({
      type: "predicate",
      name: question?.name ?? null,
      probability: 0.5,
    })),
    model: generation.model,
    ...generation.reported(responsesUsage(generation.quantities)),
  });
}
