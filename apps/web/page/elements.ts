/** The element of the page with this id. */
export function element<T extends HTMLElement = HTMLElement>(id: string): T {
  return document.getElementById(id) as T
}

/** The first descendant of `parent` that matches `selector`. The page's HTML must contain it. */
export function descendant<T extends HTMLElement = HTMLElement>(parent: ParentNode, selector: string): T {
  return parent.querySelector(selector) as T
}

/** Sets an element's text. Unchanged text is not set again, because a screen reader would announce it again. */
export function setText(target: HTMLElement, text: string): void {
  if (target.textContent !== text) target.textContent = text
}
