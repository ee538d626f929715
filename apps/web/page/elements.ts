/** The element of index.html with this id. */
export function element<T extends HTMLElement = HTMLElement>(id: string): T {
  return document.getElementById(id) as T
}

/** The part of `parent` that `selector` finds, which index.html has. */
export function part<T extends HTMLElement = HTMLElement>(parent: ParentNode, selector: string): T {
  return parent.querySelector(selector) as T
}

/** Says something in an element; what it says already is left alone, so that it is not read out again. */
export function say(target: HTMLElement, text: string): void {
  if (target.textContent !== text) target.textContent = text
}
