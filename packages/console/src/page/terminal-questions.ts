/**
 * Sequences that a terminal answers: DA, DSR, DECRQM, DECRQSS, XTSMGRAPHICS, sizes, and colours. Of what was shown
 * before nobody answers any again, and of several who watch one does.
 */
import type { IDisposable, Terminal } from "@xterm/xterm";

const QUESTIONS = [
  ...["c", "n"].flatMap((final) => [{ final }, { prefix: "?", final }, { prefix: ">", final }]),
  { intermediates: "$", final: "p" },
  { prefix: "?", intermediates: "$", final: "p" },
  { prefix: "?", final: "S" },
  { final: "t" },
];
const STATUS_QUESTION = { intermediates: "$", final: "q" };
const COLOUR_QUESTIONS = [4, 10, 11, 12];

/** Who is asked last goes first: again after whatever else answers has been added. */
export function answerUnless({ parser }: Terminal, isNotForUs: () => boolean): IDisposable {
  const all = [
    ...QUESTIONS.map((question) => parser.registerCsiHandler(question, isNotForUs)),
    parser.registerDcsHandler(STATUS_QUESTION, isNotForUs),
    ...COLOUR_QUESTIONS.map((number) =>
      parser.registerOscHandler(number, (text) => text.includes("?") && isNotForUs()),
    ),
  ];
  return { dispose: () => void all.map((each) => each.dispose()) };
}
