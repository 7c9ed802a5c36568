/** @module The data of server-sent events, as the SDKs' own parsers read it. */

export function* eventData(text: string): Generator<string> {
  let data = "";
  for (const line of text.split(/\r\n|\n|\r/)) {
    if (line === "") {
      if (data !== "") yield data;
      data = "";
    } else if (line.startsWith("data:")) {
      data += line.charCodeAt(5) === 32 ? line.slice(6) : line.slice(5);
    }
  }
  // A last event without its blank line was cut off; whatever is whole in it still counts.
  if (data !== "") yield data;
}

export function parseJson(json: string): unknown {
  try {
    return JSON.parse(json) as unknown;
  } catch {
    return undefined;
  }
}
