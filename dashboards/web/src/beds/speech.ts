// The node's words: each comes once and is named by its number from then on.

import { current } from "../words";
import type { Spoken, Words } from "./node";

export class Speech {
  private words: Words = {};

  learn(words: Words): void {
    Object.assign(this.words, words);
  }
  /** The short name. */
  code(word: Spoken): string {
    return this.words[word]?.[0] ?? "";
  }
  /** What is shown. */
  say(word: Spoken): string {
    const [code, ja, en] = this.words[word] ?? ["", "", ""];
    return (current() === "ja" ? ja : en) || code;
  }
  forget(): void {
    this.words = {};
  }
}
