// The page's elements. Everything the node says is set as text, never as markup.

export function element<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found as T;
}

export function made(tag: string, className: string, text = ""): HTMLElement {
  const node = document.createElement(tag);
  if (className !== "") node.className = className;
  node.textContent = text;
  return node;
}

/** Sets a text only when it differs, so that assistive technology is not told the same again. */
export function put(node: HTMLElement, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}
