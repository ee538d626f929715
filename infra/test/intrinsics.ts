/**
 * A part of a template with its functions resolved, as a deployment does. `names` has the values of references by
 * resource (`ID`) or attribute (`ID.ATTRIBUTE`); any other is replaced by its own name.
 *
 * @throws for a function that it does not know.
 */
// biome-ignore lint/suspicious/noExplicitAny: a part of a template is any JSON.
export function resolve(part: unknown, names: Readonly<Record<string, string>>): any {
  return JSON.parse(JSON.stringify(part), (_key, value) => {
    const [operation = ''] = Object.keys(Object(value))
    const argument = value?.[operation]
    switch (operation) {
      case 'Ref':
        return names[argument] ?? argument
      case 'Fn::GetAtt':
        return names[argument.join('.')] ?? `${argument.join('.')}.example.org`
      case 'Fn::Join':
        return argument[1].join(argument[0])
      case 'Fn::Sub':
        return argument.replace(/\$\{(.*?)\}/g, (_: string, name: string) => names[name] ?? name)
      case 'Fn::Base64':
        return argument
      default:
        if (operation.startsWith('Fn::')) throw new Error(`unsupported: ${JSON.stringify(value)}`)
        return value
    }
  })
}
