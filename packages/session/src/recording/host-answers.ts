/**
 * What a machine asks its host for in the midst of a turn, and what the host says: the calls of a port, each as a
 * question in words and an answer that a recording holds. While recording the answers are written down; while replaying
 * they come from the recording, and the host is not asked. Questions follow from what came before, so their order is
 * that of the recording; another question tells that the replay has gone another way.
 */
import type { Answer, RecordedAnswer, RecordedList } from "./recording-format.ts";

export interface HostAnswers {
  /**
   * @param ask  the host; not called while replaying
   * @param later  what is answered when the machine does what was not recorded
   */
  answer<A extends Answer>(question: string, ask: () => A, later: A): A;
}

/** The host answers, and each answer is told. @param tell  copies what it keeps: bytes are where the asker has them */
export function tellAnswers(tell: (answer: RecordedAnswer) => unknown): HostAnswers {
  return {
    answer: (question, ask) => {
      const answer = ask();
      tell({ kind: "host", question, answer });
      return answer;
    },
  };
}

/** The recording answers. */
export class RecordedAnswers implements HostAnswers {
  readonly #answers: RecordedList<RecordedAnswer>;
  #next = 0;
  /** The machine stands: whoever asks now is no part of what was recorded. */
  isHeld = false;
  /** Instructions that the machine has done. */
  position: (() => number) | null = null;

  constructor(answers: RecordedList<RecordedAnswer>) {
    this.#answers = answers;
  }

  /** What a fork of the replay is answered from here on. */
  fork(): RecordedAnswers {
    const fork = new RecordedAnswers(this.#answers);
    fork.#next = this.#next;
    return fork;
  }

  /** @throws ReplayError when the recording has another question here, or nothing */
  answer<A extends Answer>(question: string, _ask: () => A, later: A): A {
    if (this.isHeld) return later;
    const recorded = this.#answers.at(this.#next);
    if (recorded === undefined || recorded.question !== question)
      throw new ReplayError(question, recorded?.question ?? null, this.position?.() ?? null);
    this.#next++;
    return recorded.answer as A;
  }
}

/** The machine asks the host for something that it did not ask for when it was recorded. */
export class ReplayError extends Error {
  readonly question: string;
  /** What it asked for then; null: nothing more. */
  readonly recorded: string | null;

  constructor(question: string, recorded: string | null, position: number | null = null) {
    const where = position === null ? "" : `at instruction ${position} `;
    super(`${where}it asks the host: ${question}; recorded: ${recorded ?? "nothing more"}`);
    this.question = question;
    this.recorded = recorded;
  }
}
