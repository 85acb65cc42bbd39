/** What each pattern of crds/ means, in words; a test holds that none is missing. */
const words: Readonly<Record<string, string>> = {
  '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$':
    'lower-case letters, digits and "-", with a letter or digit first and last',
  '^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$':
    'the name of an object: lower-case letters, digits, "-" and "."',
  '^[^*]*\\*?$': 'a value, or a beginning with "*" after it',
  '^[!#-\\[\\]-~]+$': 'a scope (RFC 6749 3.3): visible ASCII without quotes and backslashes',
  '^[A-Z][A-Z-]*$': 'an HTTP method in upper case',
  '^/': 'a path template that begins with "/"',
  '^([0-9]{1,2}h)?([0-9]{1,4}m)?([0-9]{1,4}s)?$': 'a duration such as 90s, 5m or 1h',
  '^https?://[!-~]+$': 'an absolute URL that begins with https://',
  '^[!-~]+$': 'visible ASCII without blanks',
  '^[!-~]*$': 'visible ASCII without blanks',
}

/** The words of a pattern; the pattern itself where it has none. */
export function patternWords(pattern: string): string {
  return words[pattern] ?? `a text that matches ${pattern}`
}
