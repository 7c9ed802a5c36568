/** @module POST /audio/transcriptions, /audio/translations and /audio/speech. */
import { splitText } from "../content.ts";
import { answerText } from "./content.ts";
import { jsonReply, wholeReply } from "../reply.ts";
import { eventStream } from "./streams.ts";
import type { EndpointContext, Reply } from "../reply.ts";
import type { ServedRequest } from "../served-request.ts";
import { plainUsage, transcriptionUsage } from "./usage-shapes.ts";

/** Whisper is billed by the second, the later transcription models by tokens. */
export function billedBySecond(request: ServedRequest): boolean {
  return (
    request.model.startsWith("whisper") ||
    request.route.endsWith("/translations") ||
    request.body["response_format"] === "verbose_json"
  );
}

/** tts-1 and tts-1-hd are billed by the character of the input. */
export function billedByCharacter(request: ServedRequest): boolean {
  return request.model.startsWith("tts-1");
}

export function characterCount({ body }: ServedRequest): number {
  return typeof body["input"] === "string" ? Array.from(body["input"]).length : 0;
}

function formatOf({ body }: ServedRequest): string {
  const format = body["response_format"];
  return typeof format === "string" ? format : "json";
}

function timed(text: string, format: string): string {
  return format === "vtt"
    ? `WEBVTT\n\n00:00:00.000 --> 00:00:02.000\n${text}\n`
    : `1\n00:00:00,000 --> 00:00:02,000\n${text}\n`;
}

export function transcription(context: EndpointContext): Reply {
  const { request, generation } = context;
  const text = answerText(request, generation);
  const usage = generation.reported(transcriptionUsage(generation.quantities));
  const format = formatOf(request);
  if (request.stream && !request.model.startsWith("whisper")) {
    return eventStream({
      content: splitText(text, generation.chunks).map((delta) => ({ type: "transcript.text.delta", delta })),
      coda: [{ type: "transcript.text.done", text, ...usage }],
    });
  }
  if (format === "text") return wholeReply("text/plain; charset=utf-8", [Buffer.from(`${text}\n`)]);
  if (format === "srt" || format === "vtt") {
    return wholeReply("text/plain; charset=utf-8", [Buffer.from(timed(text, format))]);
  }
  const duration = generation.quantities.audioSeconds ?? 60;
  if (format === "verbose_json") {
    return jsonReply({ task: "transcribe", language: "english", duration, text, segments: [], ...usage });
  }
  if (format === "diarized_json") {
    return jsonReply({ task: "transcribe", duration, text, segments: [], ...usage });
  }
  return jsonReply({ text, ...usage });
}

/** Reports no usage at all. */
export function translation({ request, generation }: EndpointContext): Reply {
  const text = answerText(request, generation);
  const format = formatOf(request);
  if (format === "json") return jsonReply({ text });
  const duration = generation.quantities.audioSeconds ?? 60;
  if (format === "verbose_json") return jsonReply({ text, language: "english", duration, segments: [] });
  return wholeReply("text/plain; charset=utf-8", [
    Buffer.from(format === "text" ? text : timed(text, format)),
  ]);
}

/** Binary audio without usage; with `stream_format: "sse"` the last event has it. */
export function speech({ request, generation }: EndpointContext): Reply {
  const pieces = Array.from({ length: generation.chunks }, (_, index) => Buffer.alloc(256, index));
  if (!request.stream) return wholeReply("audio/mpeg", pieces);
  return eventStream({
    content: pieces.map((piece) => ({ type: "speech.audio.delta", audio: piece.toString("base64") })),
    coda: [{ type: "speech.audio.done", ...generation.reported(plainUsage(generation.quantities)) }],
  });
}
