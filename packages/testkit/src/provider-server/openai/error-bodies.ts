/** @module Error bodies in OpenAI's shape. */

export interface ErrorBody {
  readonly error: {
    readonly message: string;
    readonly type: string;
    readonly param: string | null;
    readonly code: string | null;
  };
}

export function errorBody(message: string, type: string, code: string | null = null): ErrorBody {
  return { error: { message, type, param: null, code } };
}

const known: Readonly<Record<number, ErrorBody>> = {
  400: errorBody("Invalid request.", "invalid_request_error"),
  401: errorBody("Incorrect API key provided.", "invalid_request_error", "invalid_api_key"),
  403: errorBody(
    "Your project does not have access to this model.",
    "invalid_request_error",
    "model_not_found",
  ),
  404: errorBody("The model does not exist.", "invalid_request_error", "model_not_found"),
  408: errorBody("The request timed out.", "server_error", "request_timeout"),
  409: errorBody("The resource is being modified.", "invalid_request_error", "conflict"),
  429: errorBody("Rate limit reached.", "requests", "rate_limit_exceeded"),
  503: errorBody("The engine is currently overloaded.", "service_unavailable", "overloaded"),
};

/** What the provider says with a status when the step has no body of its own. */
export function defaultErrorBody(status: number): ErrorBody {
  const body = known[status];
  if (body !== undefined) return body;
  return status < 500
    ? errorBody("The request failed.", "invalid_request_error")
    : errorBody("The server had an error while processing your request.", "server_error", "server_error");
}

export function unknownPath(method: string, path: string): ErrorBody {
  return errorBody(`Invalid URL (${method} ${path})`, "invalid_request_error");
}
