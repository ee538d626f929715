import { labels } from './candidates.ts'
import { type Sample, samplesOf } from './samples.ts'
import { median } from './statistics.ts'

interface Panel {
  readonly title: string
  readonly work: string
  readonly value: (sample: Sample) => number
  readonly unit: string
}

const panels: readonly Panel[] = [
  {
    title: 'Writes per second, 128 connections (longer is better)',
    work: 'write-128',
    value: (sample) => sample.perSecond,
    unit: '/s',
  },
  {
    title: 'Reads of 1,000 rows per second, 32 connections (longer is better)',
    work: 'read-1000',
    value: (sample) => sample.perSecond,
    unit: '/s',
  },
  {
    title: 'Time to list 1,000,000 rows (shorter is better)',
    work: 'list-1000000',
    value: (sample) => sample.p50Ms / 1000,
    unit: ' s',
  },
]

const width = 760
const left = 210
const bar = 18
const row = 26
const heading = 34

/** A bar chart of the medians as SVG, readable on light and dark backgrounds. */
export function chart(samples: readonly Sample[]): string {
  const parts: string[] = []
  let y = 8
  for (const { title, work, value, unit } of panels) {
    const bars = Object.keys(labels).flatMap((name) => {
      const middle = median(samplesOf(samples, name, work).map(value))
      return middle === undefined ? [] : [{ name, middle }]
    })
    const scale = (width - left - 90) / Math.max(...bars.map(({ middle }) => middle))
    parts.push(text(8, y + 18, title, 'font-weight="bold"'))
    y += heading
    for (const { name, middle } of bars) {
      const length = Math.max(1, Math.round(middle * scale))
      const fill = name === 'direct' || name === 'topology' ? '#2f81f7' : '#8b949e'
      parts.push(
        text(left - 8, y + 13, labels[name] as string, 'text-anchor="end"'),
        `<rect x="${left}" y="${y}" width="${length}" height="${bar}" rx="2" fill="${fill}"/>`,
        text(left + length + 6, y + 13, `${number(middle)}${unit}`),
      )
      y += row
    }
    y += 14
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${y}" font-family="system-ui, sans-serif" font-size="13" fill="#6e7681">
<title>Three-tier and the baselines: writes, reads and a long list</title>
${parts.join('\n')}
</svg>
`
}

function text(x: number, y: number, content: string, attributes = ''): string {
  const escaped = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
  return `<text x="${x}" y="${y}"${attributes && ` ${attributes}`}>${escaped}</text>`
}

const number = (value: number) => (value < 10 ? value.toFixed(1) : Math.round(value).toLocaleString('en'))
