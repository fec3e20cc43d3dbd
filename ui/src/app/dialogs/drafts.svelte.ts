// What was written and not sent: one text a subject, kept by the application beneath over restarts. Here is what it keeps, and
// what a dialog writes.

import { asFailure, type Failure, type Platform } from "../../platform/contract";
import type { DraftSubject } from "../../platform/generated/DraftSubject";
import type { DraftView } from "../../platform/generated/DraftView";
import type { Row } from "../../platform/generated/Row";

/** What is written is kept so long after the last letter, milliseconds. */
const KEPT_AFTER_MS = 400;

export class Drafts {
  /** All of them, also those that a command is under way with. */
  held = $state.raw<readonly DraftView[]>([]);
  /** There were too many: this oldest one went. */
  onDropped: (draft: DraftView) => void = () => {};
  readonly #platform: Platform;
  /** One call after the other: the last word on a subject must come last. */
  #last: Promise<void> = Promise.resolve();
  #changes = 0;

  constructor(platform: Platform) {
    this.#platform = platform;
  }

  /** Asks what is kept. */
  async load(): Promise<void> {
    const before = this.#changes;
    await this.#then(async () => {
      // An answer from before the last word says too little.
      const held = await this.#platform.drafts().catch(() => null);
      if (held !== null && before === this.#changes) this.held = held;
    });
  }

  clear(): void {
    this.#changes += 1;
    this.held = [];
  }

  /** What is kept for a subject and is not under way. */
  of(subject: DraftSubject): DraftView | null {
    return this.held.find((draft) => isSame(draft.subject, subject) && !draft.sending) ?? null;
  }

  /** Keeps a text for a subject; nothing but blanks: throws away what was kept. Gives why it could not be kept. */
  async keep(subject: DraftSubject, text: string): Promise<Failure | null> {
    this.#changes += 1;
    const others = this.held.filter((draft) => !isSame(draft.subject, subject));
    const empty = text.trim() === "";
    this.held = empty ? others : [{ subject, text, at: Date.now(), number: null, sending: false }, ...others];
    let failure: Failure | null = null;
    await this.#then(async () => {
      try {
        const dropped = empty
          ? await this.#platform.discardDraft(subject).then(() => [])
          : await this.#platform.saveDraft(subject, text);
        this.#forget(dropped);
      } catch (thrown) {
        failure = asFailure(thrown);
      }
    });
    return failure;
  }

  /** What someone begins to write about deliveries. */
  write(kind: "note" | "cancel", rows: readonly Row[]): Writing {
    const { center, id } = rows[0] ?? { center: "", id: 0 };
    return new Writing(this, { type: "delivery", center, id, kind });
  }

  #forget(dropped: readonly DraftView[]): void {
    if (dropped.length === 0) return;
    this.#changes += 1;
    this.held = this.held.filter(({ subject }) => !dropped.some((draft) => isSame(draft.subject, subject)));
    for (const draft of dropped) this.onDropped(draft);
  }

  async #then(call: () => Promise<void>): Promise<void> {
    this.#last = this.#last.then(call);
    await this.#last;
  }
}

/** What is being written in a dialog. It begins with what was kept for its subject. */
export class Writing {
  text: string;
  /** When what it began with was written; null: it began with nothing, or that was thrown away. */
  since: number | null;
  /** Why it could not be kept. */
  failure = $state.raw<Failure | null>(null);
  readonly #drafts: Drafts;
  readonly #subject: DraftSubject;
  /** The text, where it must be that of this moment: state that is read while a component goes is older. */
  #now: string;
  #kept: string;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(drafts: Drafts, subject: DraftSubject) {
    this.#drafts = drafts;
    this.#subject = subject;
    const draft = drafts.of(subject);
    this.text = $state(draft?.text ?? "");
    this.since = $state(draft?.at ?? null);
    this.#now = draft?.text ?? "";
    this.#kept = this.#now;
  }

  /** It is another text now, be it in the middle of a syllable. */
  put(text: string): void {
    this.text = text;
    this.#now = text;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.flush(), KEPT_AFTER_MS);
  }

  /** Keeps it at once: the dialog goes. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    if (this.#now === this.#kept) return;
    this.#kept = this.#now;
    this.failure = await this.#drafts.keep(this.#subject, this.#now);
  }

  throwAway(): void {
    this.since = null;
    this.put("");
    void this.flush();
  }

  /** Sends it. It stays a draft until that is known to be done: what could not be sent is there after a restart, too. */
  async send(run: (of: { draft?: string }) => Promise<void>): Promise<void> {
    await this.flush();
    await run(this.#now.trim() === "" ? {} : { draft: this.#now });
    await this.#drafts.load();
  }
}

function isSame(a: DraftSubject, b: DraftSubject): boolean {
  return keyOf(a) === keyOf(b);
}

function keyOf(subject: DraftSubject): string {
  switch (subject.type) {
    case "delivery":
      return `${subject.center}/${subject.id}/${subject.kind}`;
    case "room":
      return `${subject.center}/room/${subject.room}`;
    case "newOrder":
      return `${subject.center}/order`;
  }
}
