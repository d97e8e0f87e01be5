// Runs an eCQM package with fqm-execution. JSON lines in, JSON lines out, one answer a request:
//   {"measure": Bundle, "options": {...}} -> {"ready": version, "needs": [DataRequirement, ...]}
//   {"id": n, "bundles": [Bundle, ...]}   -> {"id": n, "patients": {id: {group: {population: boolean}}}}
// Whatever goes wrong with one request is {"id": n, "error": words}; the next one is taken. A measure
// is read when it comes, so that its own faults are not taken for a patient's.
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { writeSync } from 'node:fs';

// What the library prints is no answer.
console.log = console.info = console.warn = console.debug = () => {};

const load = createRequire(join(process.cwd(), 'package.json'));
let calculator, measure, options;

const told = (error) => String((error && error.message) || error).split('\n')[0];

function say(answer) {
  let bytes = Buffer.from(JSON.stringify(answer) + '\n');
  while (bytes.length) bytes = bytes.subarray(writeSync(1, bytes));
}

async function populations(bundles) {
  const { results } = await calculator.calculate(measure, bundles, options);
  const patients = {};
  for (const { patientId, detailedResults } of results) {
    patients[patientId] = Object.fromEntries(
      (detailedResults ?? []).map((group) => [
        group.groupId,
        Object.fromEntries(
          (group.populationResults ?? []).map((p) => [p.populationType, p.result === true])
        ),
      ])
    );
  }
  return patients;
}

async function needs() {
  const { results } = await calculator.calculateDataRequirements(measure, options);
  return results.dataRequirement ?? [];
}

async function answer(request) {
  if (request.measure) {
    const library = load('fqm-execution');
    calculator = library.Calculator;
    measure = request.measure;
    options = {
      calculateHTML: false, calculateClauseCoverage: false, calculateSDEs: false,
      verboseCalculationResults: false, useElmJsonsCaching: true, trustMetaProfile: false,
      ...request.options,
    };
    return { ready: load('fqm-execution/package.json').version, needs: await needs() };
  }
  return { id: request.id, patients: await populations(request.bundles) };
}

for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  let request = {};
  try {
    request = JSON.parse(line);
    say(await answer(request));
  } catch (error) {
    say({ id: request.id, error: told(error) });
  }
}
