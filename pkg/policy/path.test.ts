import { describe, expect, it } from 'vitest'
import { canonicalPath, parseTemplate } from './path.ts'

describe('a path that has one reading', () => {
  const table: [string, string, string][] = [
    ['the root stays', '/', '/'],
    ['plain segments stay', '/charges/42', '/charges/42'],
    ['a trailing slash stays, and is significant', '/charges/', '/charges/'],
    ['sub-delimiters stay', "/a!$&'()*+,=:@-_~b", "/a!$&'()*+,=:@-_~b"],
    ['dots within a segment stay', '/.well-known/a.b/..c/...', '/.well-known/a.b/..c/...'],
    ['unreserved characters are decoded', '/%41%62%39%2D%5F%7E', '/Ab9-_~'],
    ['an encoded dot within a name is decoded', '/a%2Ejson', '/a.json'],
    ['hex of what stays encoded is upper case', '/a%3ab%c3%a9', '/a%3Ab%C3%A9'],
    ['an encoded blank stays encoded', '/a%20b', '/a%20b'],
    ['an encoded question mark stays encoded', '/a%3Fb', '/a%3Fb'],
    ['a percent sign of its own stays encoded', '/50%25', '/50%25'],
    ['a percent sign before what is no hex stays', '/50%25zz', '/50%25zz'],
    ['four-byte UTF-8 stays encoded', '/%F0%9F%98%80', '/%F0%9F%98%80'],
  ]
  it.each(table)('%s', (_, raw, canonical) => {
    expect(canonicalPath(raw)).toBe(canonical)
  })
})

describe('a path with two readings is refused', () => {
  const table: [string, string][] = [
    ['nothing', ''],
    ['no slash at the beginning', 'charges'],
    ['an asterisk (OPTIONS)', '*'],
    ['an absolute form', 'http://x/charges'],
    ['an empty segment at the beginning', '//charges'],
    ['an empty segment within', '/a//b'],
    ['an empty segment before a trailing slash', '/a//'],
    ['a dot segment', '/a/./b'],
    ['a dot segment at the end', '/a/.'],
    ['a dot-dot segment', '/a/../b'],
    ['a dot-dot segment at the end', '/a/..'],
    ['a dot-dot segment alone', '/..'],
    ['an encoded dot segment', '/a/%2e/b'],
    ['an encoded dot-dot segment', '/a/%2e%2E/b'],
    ['a half encoded dot-dot segment', '/a/.%2e'],
    ['a dot-dot segment before a semicolon', '/a/..;x/b'],
    ['a dot-dot segment before an encoded semicolon', '/a/..%3Bx/b'],
    ['a segment that is empty before a semicolon', '/a/;x/b'],
    ['any semicolon', '/a;v=1'],
    ['any encoded semicolon', '/a%3bv'],
    ['a semicolon beside an encoded letter', '/%41;x'],
    ['a backslash beside an encoded letter', '/%41\\x'],
    ['a blank beside an encoded letter', '/%41 x'],
    ['a raw byte above ASCII beside an encoded letter', '/%41\u00e9'],
    ['an encoded slash', '/a%2Fb'],
    ['an encoded slash in lower case', '/a%2fb'],
    ['a backslash', '/a\\b'],
    ['an encoded backslash', '/a%5Cb'],
    ['an encoded NUL', '/a%00'],
    ['an encoded line feed', '/a%0Ab'],
    ['an encoded DEL', '/a%7Fb'],
    ['a raw control byte', '/a\u0001b'],
    ['a raw DEL', '/a\u007fb'],
    ['a raw blank', '/a b'],
    ['a query', '/a?b'],
    ['a fragment', '/a#b'],
    ['a character that RFC 3986 has in no path', '/a{b'],
    ['a raw byte above ASCII', '/caf\u00e9'],
    ['a raw character above Latin-1', '/\u2215'],
    ['a percent sign at the end', '/a%'],
    ['half a percent sequence', '/a%4'],
    ['a percent sequence that is no hex', '/a%zz'],
    ['a percent sequence with a sign', '/a%+1'],
    ['UTF-8 cut short', '/a%C3'],
    ['UTF-8 with a wrong second byte', '/a%C3%28'],
    ['an overlong slash', '/a%C0%AF'],
    ['an overlong dot', '/a%E0%80%AE'],
    ['an encoded surrogate', '/a%ED%A0%80'],
    ['UTF-8 beyond Unicode', '/a%F4%90%80%80'],
    ['a dot encoded twice', '/a/%252e%252e/b'],
    ['a slash encoded twice', '/a%252Fb'],
    ['a letter encoded twice', '/a%2541'],
    ['twice encoded through decoded digits', '/a%25%32%65'],
    ['three times encoded', '/a%25252e'],
  ]
  it.each(table)('%s', (_, raw) => {
    expect(canonicalPath(raw)).toBeNull()
  })
})

describe('a template', () => {
  it('names whole segments', () => {
    expect(parseTemplate('/charges/{id}/items/**')).toEqual({
      text: '/charges/{id}/items/**',
      segments: ['charges', null, 'items', '**'],
    })
  })

  it.each(['/', '/**', '/charges/', '/a%20b', '/{a}/{b}', '/.well-known/x'])(
    'may be %s',
    (text) => {
      expect(parseTemplate(text)).toMatchObject({ text })
    },
  )

  const refused: [string, string, RegExp][] = [
    ['no slash at the beginning', 'charges', /begins with/],
    ['nothing', '', /begins with/],
    ['** before the end', '/a/**/b', /last segment/],
    ['a lone asterisk', '/a/*', /last segment/],
    ['an asterisk within a segment', '/a*b', /last segment/],
    ['a name within a segment', '/{id}.json', /whole segment/],
    ['a name without an end', '/{id', /whole segment/],
    ['a name of nothing', '/{}', /whole segment/],
    ['a dot-dot segment', '/a/../b', /more than one way/],
    ['an empty segment', '/a//b', /more than one way/],
    ['a query', '/a?b', /more than one way/],
    ['a semicolon', '/a;b', /more than one way/],
    ['an encoded letter', '/%41', /not canonical/],
    ['hex in lower case', '/a%c3%a9', /not canonical/],
    ['a raw character above ASCII', '/caf\u00e9', /more than one way/],
  ]
  it.each(refused)('is refused with %s', (_, text, problem) => {
    expect(parseTemplate(text).problem).toMatch(problem)
  })
})
