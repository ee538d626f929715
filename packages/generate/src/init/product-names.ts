/** A product's name as it is written in different places. */
export interface ProductNames {
  /** `my-shop`: of the package. */
  readonly name: string
  /** `My-shop`: for readers. */
  readonly title: string
  /** `MyShop`: of stacks and metrics. */
  readonly pascal: string
}

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1)

export const productNames = (name: string): ProductNames => ({
  name,
  title: capital(name),
  pascal: name.split('-').map(capital).join(''),
})
