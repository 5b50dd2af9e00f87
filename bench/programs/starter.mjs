// A program that takes its time to start: `node starter.mjs MS`. It says so when it is ready, and answers each line with the same one, after
// as many milliseconds as its `ms` says.
const [startMs = '0'] = process.argv.slice(2)
let begun = ''
process.stdin.setEncoding('utf8')
process.stdin.on('data', (/** @type {string} */ chunk) => {
  const lines = (begun + chunk).split('\n')
  begun = lines.pop() ?? ''
  for (const line of lines) {
    const { ms } = JSON.parse(line)
    if (ms === undefined) process.stdout.write(`${line}\n`)
    else setTimeout(() => process.stdout.write(`${line}\n`), ms)
  }
})
setTimeout(() => process.stdout.write('{"ready":true}\n'), Number(startMs))
