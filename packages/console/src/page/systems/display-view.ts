/** The windows of a system. */
import { element } from "../elements.ts";
import { displayOf } from "./display-pane.ts";
import { operates, type View } from "./view.ts";
import { say } from "./words.ts";

export const displayView: View = async (context) => {
  const [system = ""] = context.parts;
  return [element("h2", {}, `${say("display")}: ${system}`), displayOf(system, operates(context))];
};
