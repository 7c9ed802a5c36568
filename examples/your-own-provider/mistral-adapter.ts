/** What Mistral's API bills, as an adapter of Holdfast. Paths and usage as in its API reference, 2026-11. */
import {
  countOf,
  detailsOf,
  eventData,
  isFreeMethod,
  isObject,
  MISSING,
  NO_OUTPUT,
  optionalCount,
  parseJson,
  pathnameOf,
  positiveInteger,
  readingOf,
  stringOf,
  UnusableUsage,
  withoutZeros,
  type EndpointClass,
  type ProviderAdapter,
  type Served,
  type UsageReading,
} from "holdfast/provider";

type Endpoint = "chat.completions" | "embeddings";

const ENDPOINTS: Readonly<Record<string, EndpointClass<Endpoint>>> = {
  "/v1/chat/completions": { kind: "metered", endpoint: "chat.completions" },
  "/v1/embeddings": { kind: "metered", endpoint: "embeddings" },
  "/v1/agents/completions": { kind: "bypass", bypass: "agents" },
  "/v1/conversations": { kind: "bypass", bypass: "agents" },
  "/v1/batch/jobs": { kind: "bypass", bypass: "batches" },
};

/** Wraps each message in the model's own format. */
const MESSAGE_OVERHEAD_TOKENS = 8;

export const mistralAdapter: ProviderAdapter<Endpoint> = {
  title: "Mistral",

  classifyEndpoint(method, path) {
    if (isFreeMethod(method)) return { kind: "free" };
    return ENDPOINTS[pathnameOf(path) ?? ""] ?? { kind: "unknown" };
  },

  shapeOf(endpoint, body, { estimator }) {
    const model = stringOf(body["model"]);
    const messages = Array.isArray(body["messages"]) ? body["messages"] : [];
    const input =
      endpoint === "embeddings" ? body["input"] : [messages, body["tools"], body["response_format"]];
    return {
      model,
      stream: body["stream"] === true,
      serviceTier: null,
      textTokens:
        estimator.estimate(JSON.stringify(input) ?? "", model) +
        MESSAGE_OVERHEAD_TOKENS * (messages.length + 1),
      otherInput: {},
      // Pictures and documents are given by address: what they cost is not in the request.
      refersTo: /"(image_url|document_url|input_audio)"/.test(JSON.stringify(messages)) ? "a document" : null,
      output:
        endpoint === "embeddings"
          ? NO_OUTPUT
          : {
              kind: "text",
              limit: positiveInteger(body["max_tokens"]),
              choices: positiveInteger(body["n"]) ?? 1,
              extraTokens: 0,
              limitable: true,
              limitField: "max_tokens",
            },
      toolFees: {},
      unreportedFees: {},
      usageWhenSilent: null,
    };
  },

  reader: {
    requestIdHeader: "x-request-id",
    headBytes: 0,
    goesOnUnheard: false,
    // The magistral models think before they answer; the others do not.
    mayReason: (model) => model.includes("magistral"),
    answer: (body) => ({ usage: usageOf(body), served: servedBy(body) }),
    events(text, plan, estimator) {
      let usage: UsageReading = MISSING;
      let served: Served = { model: null, serviceTier: null };
      let finished = false;
      let failed = false;
      const seen: string[] = [];
      for (const data of eventData(text)) {
        if (data === "[DONE]") {
          finished = true;
          continue;
        }
        const event = parseJson(data);
        if (!isObject(event)) continue;
        if (event["error"] !== undefined) failed = true;
        served = servedBy(event);
        if (isObject(event["usage"])) usage = usageOf(event);
        const [choice] = Array.isArray(event["choices"]) ? (event["choices"] as unknown[]) : [];
        const { content, tool_calls: toolCalls } = detailsOf(detailsOf(choice)["delta"]);
        if (typeof content === "string" && content !== "") seen.push(content);
        else if (isObject(content) || Array.isArray(content)) seen.push(JSON.stringify(content));
        if (toolCalls !== undefined && toolCalls !== null) seen.push(JSON.stringify(toolCalls));
      }
      // Every piece of output is at least one token.
      const seenOutputTokens =
        seen.length === 0 ? 0 : Math.max(seen.length, estimator.estimate(seen.join(""), plan.model));
      return { usage, served, finished, failed, seenOutputTokens };
    },
  },
};

function servedBy(body: unknown): Served {
  const { model } = detailsOf(body);
  return { model: typeof model === "string" ? model : null, serviceTier: null };
}

/** Disjoint buckets that sum to the provider's own total. */
function usageOf(body: unknown): UsageReading {
  const { usage } = detailsOf(body);
  return readingOf(() => {
    if (!isObject(usage) || usage["prompt_tokens"] === undefined) return undefined;
    const input = countOf(usage["prompt_tokens"], "prompt_tokens");
    const output = optionalCount(usage, "completion_tokens");
    const cached = optionalCount(detailsOf(usage["prompt_tokens_details"]), "cached_tokens");
    if (cached > input)
      throw new UnusableUsage(`${cached} cached tokens do not fit into ${input} input tokens`);
    if (
      usage["total_tokens"] !== undefined &&
      countOf(usage["total_tokens"], "total_tokens") !== input + output
    ) {
      throw new UnusableUsage("total_tokens is not the sum of its parts");
    }
    return withoutZeros({
      inputTextTokens: input - cached,
      cacheReadTextTokens: cached,
      outputTextTokens: output,
    });
  });
}
