/**
 * What a blank (state-classes.ts) has of its own: objects that its constructor makes for it alone. A copy takes them
 * for the copies of what its original has in their places, instead of making more and leaving these to the collector.
 *
 * It is found out by making two: what stands in the same place of both and is not the same object was made for each. So
 * it goes on in what is found there. A constant, `NOTHING`, and what several blanks share is in both, and nobody's own.
 */
import { blankOf, lineageOf, type OwnParts, publicNamesOf, type StateClass, stateClassOf } from "./state-classes.ts";

interface Place extends OwnParts {
  readonly inPublic: Map<string, OwnParts>;
  readonly inPrivate: readonly Map<string, OwnParts>[];
}

/** @param blank  as it was made; null: there is none, and it is asked for an object that was made in another way */
export function ownPartsOf(entry: StateClass, blank: object | null): OwnParts {
  const { ownParts } = entry;
  if (ownParts?.areFound === true) return ownParts;
  const isFirst = ownParts === null && blank !== null;
  const found = isFirst
    ? { ...placeOf(entry), areFound: false }
    : partsOf(entry, blank ?? blankOf(entry), blankOf(entry));
  entry.ownParts = found;
  return found;
}

interface Compared extends Place {
  readonly one: object;
  readonly other: object;
}

/** Each part has one place, the nearest to the blank. */
function partsOf(entry: StateClass, one: object, other: object): OwnParts {
  const met = new Set([one]);
  const whole = placeOf(entry);
  const compared: Compared[] = [{ ...whole, one, other }];
  for (const each of compared) {
    const { entry: ofClass } = each;
    if (ofClass === null) continue;
    const [left, right] = [each.one, each.other] as Record<string, unknown>[];
    const compare = (into: Map<string, OwnParts>, name: string, part: unknown, otherPart: unknown): void => {
      if (!isPart(part) || !isPart(otherPart) || part === otherPart || met.has(part)) return;
      if (Object.getPrototypeOf(part) !== Object.getPrototypeOf(otherPart)) return;
      met.add(part);
      const place = placeOf(stateClassOf(part) ?? null);
      into.set(name, place);
      compared.push({ ...place, one: part, other: otherPart });
    };
    for (const name of publicNamesOf(ofClass, each.one)) compare(each.inPublic, name, left![name], right![name]);
    for (const [index, { fields }] of lineageOf(ofClass).withFields.entries()) {
      const [ofOne, ofOther] = [fields!.save(each.one), fields!.save(each.other)];
      for (const name of Object.keys(ofOne)) compare(each.inPrivate[index]!, name, ofOne[name], ofOther[name]);
    }
  }
  return whole;
}

function placeOf(entry: StateClass | null): Place {
  const inPrivate = entry === null ? [] : lineageOf(entry).withFields.map(() => new Map<string, OwnParts>());
  return { entry, inPublic: new Map(), inPrivate, areFound: true };
}

function isPart(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  return value instanceof Map || value instanceof Set || stateClassOf(value) !== undefined;
}
