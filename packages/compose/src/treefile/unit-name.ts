/** Of a unit as a treefile names it: `.service` may be left out. */
export function unitName(name: string): string {
  return /\.(service|socket|timer|target|path|mount|automount|swap|slice|device)$/.test(name)
    ? name
    : `${name}.service`;
}
