/** Windows of the browser that belong to the desktop, and the one in which the person works: dialogs open there. */
const others = new Set<Window>();

/** Another one shows a part of the desktop, too; or does not any more. */
export function setIsOfDesktop(view: Window, isOfDesktop: boolean): void {
  if (isOfDesktop) others.add(view);
  else others.delete(view);
}

/** Over which dialogs and menus open. */
export function front(): HTMLElement {
  for (const { document } of others) if (document.hasFocus()) return document.body;
  return document.body;
}

/** Where the keyboard is, in whichever window an element is. */
export function focusNear(element: Element): Element | null {
  return element.ownerDocument.activeElement;
}
