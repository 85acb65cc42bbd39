import type { Plan } from './plan.ts'

/** Chain -> its rules, each in one form. */
export type Saved = ReadonlyMap<string, readonly string[]>

/** Reads what `iptables-save -t nat` prints. */
export function readSaved(text: string): Saved {
  const chains = new Map<string, string[]>()
  for (const line of text.split('\n')) {
    const [, declared] = /^:(\S+) /.exec(line) ?? []
    if (declared !== undefined) chains.set(declared, chains.get(declared) ?? [])
    const [, chain, rule] = /^(?:\[\d+:\d+\] )?-A (\S+) ?(.*)$/.exec(line) ?? []
    if (chain === undefined || rule === undefined) continue
    const rules = chains.get(chain) ?? []
    rules.push(canonicalRule(rule))
    chains.set(chain, rules)
  }
  return chains
}

/**
 * One form of a rule: back ends and versions differ in the order of its parts, and in whether the match of
 * a protocol is named beside the protocol.
 */
export function canonicalRule(rule: string): string {
  const parts: string[] = []
  let negated = false
  for (const word of rule.trim().split(/ +/)) {
    if (word === '!') negated = true
    else if (word.startsWith('-')) {
      parts.push(negated ? `! ${word}` : word)
      negated = false
    } else if (parts.length > 0) parts[parts.length - 1] += ` ${word}`
  }
  return parts
    .filter((part) => part !== '-m tcp')
    .toSorted()
    .join(' ')
}

/** Whether anybody has put rules or chains of his own there. */
export function isUsed(saved: Saved): boolean {
  const usual = ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING']
  return [...saved].some(([chain, rules]) => rules.length > 0 || !usual.includes(chain))
}

export function hasOwnChains(saved: Saved, plan: Plan): boolean {
  return Object.keys(plan.chains).some((chain) => saved.has(chain))
}

/** What the table lacks of the plan, in words; nothing where it is as planned. */
export function differences(saved: Saved, plan: Plan): readonly string[] {
  const found: string[] = []
  for (const [chain, wanted] of Object.entries(plan.chains)) {
    const rules = saved.get(chain)
    const expected = wanted.map(canonicalRule)
    if (rules === undefined) found.push(`chain ${chain} is not there`)
    else if (rules.length !== expected.length) {
      found.push(`chain ${chain} has ${rules.length} rules in place of ${expected.length}`)
    } else {
      const at = rules.findIndex((rule, index) => rule !== expected[index])
      if (at !== -1) found.push(`rule ${at + 1} of ${chain} is "${rules[at] ?? ''}"`)
    }
  }
  for (const [chain, jump] of Object.entries(plan.jumps)) {
    const rules = saved.get(chain) ?? []
    const wanted = canonicalRule(jump)
    const count = rules.filter((rule) => rule === wanted).length
    if (count === 0) found.push(`${chain} does not lead into our chain`)
    else if (count > 1) found.push(`${chain} leads into our chain ${count} times`)
    else if (rules[0] !== wanted) found.push(`in ${chain} another rule comes before ours`)
  }
  return found
}

/**
 * Input for `iptables-restore --noflush` that makes the table as planned, whatever of ours it holds
 * already; rules of others stay. A chain that is declared is emptied first.
 */
export function restoreText(saved: Saved, plan: Plan): string {
  const lines = ['*nat']
  for (const chain of Object.keys(plan.chains)) lines.push(`:${chain} - [0:0]`)
  for (const [chain, jump] of Object.entries(plan.jumps)) {
    const wanted = canonicalRule(jump)
    for (const rule of saved.get(chain) ?? [])
      if (rule === wanted) lines.push(`-D ${chain} ${jump}`)
    lines.push(`-I ${chain} 1 ${jump}`)
  }
  for (const [chain, rules] of Object.entries(plan.chains)) {
    for (const rule of rules) lines.push(`-A ${chain} ${rule}`)
  }
  return [...lines, 'COMMIT', ''].join('\n')
}
