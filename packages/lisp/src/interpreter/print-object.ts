/** How values are shown that have no written form of their own. */
import { Condition } from "../datum/condition.ts";
import { MString } from "../datum/datum.ts";
import { JavaScriptValue } from "../javascript/javascript-value.ts";
import { Syntax, syntaxToDatum } from "../expander/syntax.ts";
import {
  Closure,
  Continuation,
  ControlPrimitive,
  MultipleValues,
  Parameter,
  Primitive,
  procedureName,
} from "./machine.ts";
import { BinaryInputPort, isPort, TextInputPort } from "./ports.ts";
import { RecordType, SchemePromise, SchemeRecord } from "./primitives/control.ts";

export function writeObject(value: object, write: (value: unknown) => string): string | null {
  if (value instanceof SchemeRecord)
    return `#<${[
      value.type.name,
      ...value.type.fields.map((field, index) => `${field}: ${shortened(value.fields[index], write)}`),
    ].join(" ")}>`;
  if (value instanceof RecordType) return `#<record-type ${value.name}>`;
  if (value instanceof Closure || value instanceof Primitive || value instanceof ControlPrimitive)
    return `#<procedure ${procedureName(value) ?? "anonymous"}>`;
  if (value instanceof Continuation) return "#<continuation>";
  if (value instanceof Parameter) return "#<parameter>";
  if (value instanceof SchemePromise) return value.box.isDone ? "#<promise, forced>" : "#<promise>";
  if (value instanceof Condition) return `#<condition ${value.kind}: ${conditionText(value, write)}>`;
  if (value instanceof MultipleValues) return value.values.map(write).join(" ");
  if (value instanceof JavaScriptValue) return value.toString();
  if (value instanceof Syntax) return `#<syntax ${write(syntaxToDatum(value))}>`;
  if (isPort(value))
    return (
      `#<${value instanceof TextInputPort || value instanceof BinaryInputPort ? "input" : "output"}-port ` +
      `${value.name}>`
    );
  return null;
}

/** A record may hold itself: what is inside of it is shown as its type only. */
function shortened(value: unknown, write: (value: unknown) => string): string {
  return value instanceof SchemeRecord ? `#<${value.type.name}>` : write(value);
}

/** The message, and the irritants as they are written. */
export function conditionText({ message, irritants }: Condition, write: (value: unknown) => string): string {
  const text = typeof message === "string" ? message : message instanceof MString ? message.toString() : write(message);
  return [text, ...irritants.map(write)].join(" ");
}
