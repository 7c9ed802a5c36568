/** @module The usage objects of OpenAI's wire formats, derived from quantities. */
import type { Quantities, QuantityName } from "../quantities.ts";

type Wire = Record<string, unknown>;

/** Copies the named quantities that are present, under their wire names. */
function present(quantities: Quantities, names: Partial<Record<QuantityName, string>>): Wire {
  const wire: Wire = {};
  for (const [name, wireName] of Object.entries(names)) {
    const value = quantities[name as QuantityName];
    if (value !== undefined) wire[wireName] = value;
  }
  return wire;
}

function sides(quantities: Quantities): { input: number; output: number } {
  return { input: quantities.inputTokens ?? 0, output: quantities.outputTokens ?? 0 };
}

function cacheWrites(quantities: Quantities): number | undefined {
  const { cacheWriteTokens, cacheWrite30mTokens, cacheWrite12hTokens } = quantities;
  if (cacheWriteTokens !== undefined) return cacheWriteTokens;
  if (cacheWrite30mTokens === undefined && cacheWrite12hTokens === undefined) return undefined;
  return (cacheWrite30mTokens ?? 0) + (cacheWrite12hTokens ?? 0);
}

/** `CompletionUsage`: chat completions and legacy completions. */
export function chatUsage(quantities: Quantities): Wire {
  const { input, output } = sides(quantities);
  const written = cacheWrites(quantities);
  return {
    prompt_tokens: input,
    completion_tokens: output,
    total_tokens: input + output,
    prompt_tokens_details: {
      cached_tokens: quantities.cachedInputTokens ?? 0,
      ...(written === undefined ? {} : { cache_write_tokens: written }),
      audio_tokens: quantities.inputAudioTokens ?? 0,
      ...present(quantities, { inputTextTokens: "text_tokens", inputImageTokens: "image_tokens" }),
    },
    completion_tokens_details: {
      reasoning_tokens: quantities.reasoningTokens ?? 0,
      audio_tokens: quantities.outputAudioTokens ?? 0,
      accepted_prediction_tokens: quantities.acceptedPredictionTokens ?? 0,
      rejected_prediction_tokens: quantities.rejectedPredictionTokens ?? 0,
      ...present(quantities, { outputTextTokens: "text_tokens" }),
    },
  };
}

/** `ResponseUsage`: responses, compaction and decisions. */
export function responsesUsage(quantities: Quantities): Wire {
  const { input, output } = sides(quantities);
  const split = present(quantities, {
    cacheWrite30mTokens: "ttl_30m_tokens",
    cacheWrite12hTokens: "ttl_12h_tokens",
  });
  return {
    input_tokens: input,
    input_tokens_details: {
      cached_tokens: quantities.cachedInputTokens ?? 0,
      cache_write_tokens: cacheWrites(quantities) ?? 0,
      ...(Object.keys(split).length === 0
        ? {}
        : { cache_write_tokens_details: { ttl_30m_tokens: 0, ttl_12h_tokens: 0, ...split } }),
    },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: quantities.reasoningTokens ?? 0 },
    total_tokens: input + output,
  };
}

/** `Response.tool_usage`, or undefined when no hosted tool was scripted. */
export function toolUsage(quantities: Quantities): Wire | undefined {
  const input = quantities.imageGenInputTokens ?? 0;
  const output = quantities.imageGenOutputTokens ?? 0;
  const scripted = Object.entries(quantities).some(
    ([name, value]) => value !== undefined && (name === "webSearchRequests" || name.startsWith("imageGen")),
  );
  if (!scripted) return undefined;
  const cached = present(quantities, {
    imageGenCachedTextTokens: "cached_text_tokens",
    imageGenCachedImageTokens: "cached_image_tokens",
  });
  const outputParts = present(quantities, {
    imageGenOutputTextTokens: "text_tokens",
    imageGenOutputImageTokens: "image_tokens",
  });
  return {
    image_gen: {
      input_tokens: input,
      input_tokens_details: {
        text_tokens: quantities.imageGenInputTextTokens ?? input - (quantities.imageGenInputImageTokens ?? 0),
        image_tokens: quantities.imageGenInputImageTokens ?? 0,
      },
      output_tokens: output,
      total_tokens: input + output,
      ...present(quantities, { imageGenCachedTokens: "cached_tokens" }),
      ...(Object.keys(cached).length === 0
        ? {}
        : { cached_tokens_details: { cached_text_tokens: 0, cached_image_tokens: 0, ...cached } }),
      ...(Object.keys(outputParts).length === 0
        ? {}
        : { output_tokens_details: { text_tokens: 0, image_tokens: 0, ...outputParts } }),
    },
    web_search: { num_requests: quantities.webSearchRequests ?? 0 },
  };
}

export function embeddingUsage(quantities: Quantities): Wire {
  const { input } = sides(quantities);
  return { prompt_tokens: input, total_tokens: input };
}

/** `ImagesResponse.Usage`; input without a scripted split counts as text. */
export function imageUsage(quantities: Quantities): Wire {
  const { input, output } = sides(quantities);
  const outputParts = present(quantities, {
    outputTextTokens: "text_tokens",
    outputImageTokens: "image_tokens",
  });
  return {
    input_tokens: input,
    input_tokens_details: {
      text_tokens: quantities.inputTextTokens ?? input - (quantities.inputImageTokens ?? 0),
      image_tokens: quantities.inputImageTokens ?? 0,
    },
    output_tokens: output,
    total_tokens: input + output,
    ...(Object.keys(outputParts).length === 0
      ? {}
      : { output_tokens_details: { text_tokens: 0, image_tokens: 0, ...outputParts } }),
  };
}

/** `ImagesResponse.SvgUsage`, or undefined when no vectorisation was scripted. */
export function svgUsage(quantities: Quantities, model: string): Wire | undefined {
  const { svgInputTokens, svgOutputTokens, svgReasoningTokens } = quantities;
  if ((svgInputTokens ?? svgOutputTokens ?? svgReasoningTokens) === undefined) return undefined;
  return {
    model,
    input_tokens: svgInputTokens ?? 0,
    output_tokens: svgOutputTokens ?? 0,
    reasoning_tokens: svgReasoningTokens ?? 0,
    total_tokens: (svgInputTokens ?? 0) + (svgOutputTokens ?? 0),
  };
}

/** `Transcription.Duration` when the quantities are seconds, else `Transcription.Tokens`. */
export function transcriptionUsage(quantities: Quantities): Wire {
  if (quantities.audioSeconds !== undefined) return { type: "duration", seconds: quantities.audioSeconds };
  const { input, output } = sides(quantities);
  return {
    type: "tokens",
    input_tokens: input,
    input_token_details: {
      text_tokens: quantities.inputTextTokens ?? 0,
      audio_tokens: quantities.inputAudioTokens ?? input - (quantities.inputTextTokens ?? 0),
    },
    output_tokens: output,
    total_tokens: input + output,
  };
}

/** Plain input, output and total: the `speech.audio.done` event. */
export function plainUsage(quantities: Quantities): Wire {
  const { input, output } = sides(quantities);
  return { input_tokens: input, output_tokens: output, total_tokens: input + output };
}
