/** @module Error bodies in Anthropic's shape. */

const types: Readonly<Record<number, readonly [type: string, message: string]>> = {
  400: ["invalid_request_error", "The request is invalid."],
  401: ["authentication_error", "invalid x-api-key"],
  402: ["billing_error", "Your credit balance is too low to access the Anthropic API."],
  403: ["permission_error", "Your API key does not have permission to use the specified resource."],
  404: ["not_found_error", "model: not found"],
  408: ["timeout_error", "Request timed out."],
  409: ["conflict_error", "The resource is being modified."],
  413: ["request_too_large", "Request exceeds the maximum allowed number of bytes."],
  429: ["rate_limit_error", "This request would exceed your organization's rate limit."],
  504: ["timeout_error", "The request timed out."],
  529: ["overloaded_error", "Overloaded"],
};

/** The type and message that go with a status; the message can be another one. */
export function anthropicError(
  status: number,
  requestId: string,
  message?: string,
): { type: "error"; error: { type: string; message: string }; request_id: string } {
  const fallback = status < 500 ? types[400] : (["api_error", "Internal server error"] as const);
  const [type, text] = types[status] ?? fallback ?? ["api_error", ""];
  return { type: "error", error: { type, message: message ?? text }, request_id: requestId };
}
