/** @module What is asked and answered in the demo. */
import type { ChatCompletionMessageParam } from "openai/resources/chat/completions";

export const SUPPORT_QUESTION: ChatCompletionMessageParam[] = [
  {
    role: "system",
    content:
      "You are the support bot of a parcel service. Be brief and friendly. Never promise a delivery time that the " +
      "tracking data does not show, and hand over to a person when the customer asks for one.",
  },
  { role: "user", content: "My parcel has been in the same depot for three days. What can I do?" },
];

/** What the provider counts for it; Holdfast only knows an upper bound before the call. */
export const SUPPORT_QUESTION_TOKENS = 67;

export const LONG_ANSWER: string =
  "I am sorry that your parcel has not moved. Three days in one depot usually mean that the label could not be read " +
  "or that the address is incomplete. Please open the tracking page and compare the address there with your own. If " +
  "something is missing, you can add it on that page, and the parcel leaves the depot on the next working day. If the " +
  "address is right, ask for a search: choose 'parcel does not arrive', enter the number of the parcel and say what it " +
  "looks like. The depot has to answer within two working days. You can also ask the sender to open a claim, because " +
  "the contract is between the sender and us. Shall I start the search for you now? I only need the number of the " +
  "parcel, its size and its colour. If you would rather talk to a person, just say so.";

/** What the provider counts for it. */
export const LONG_ANSWER_TOKENS = 169;
