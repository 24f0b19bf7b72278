/**
 * What may import what (ARCHITECTURE.md, "The rooms"): machines <- platform <- formats <- limits | spending <- stages | sources | sinks |
 * checkpoint | observers | recording <- executor <- history <- sessions <- testing | cli, with the entry points on top;
 * recording <- inspector, which is a package of its own. src/errors.ts stands beside machines.
 *
 * Imports of types count here: a layer that needs the types of the one above it is upside down just the same.
 * What is reachable in a browser is a question about compiled code, and has a file of its own:
 * .dependency-cruiser.browser.cjs. test/house/dependency-rules.test.ts proves that every rule bites.
 */
const { builtinModules } = require('node:module');

const ENTRY = '^src/(index|node|browser|recording|sql|storage|testing|ai|pages|parquet|web|react|otel)[.]ts$';
const ERRORS = '^src/(errors|pipeline-error)[.]ts$';
const BASE = '^src/(platform|formats)/';
/** Below the rooms; stages alone build on them. */
const BELOW_STAGES = '^src/(limits|spending)/';
const ROOM = '^src/(stages|sources|sinks|checkpoint|observers|recording)/';
const OURS = '^(src|machines|test|examples)/';

/** `only(['cli'], 'commander')`: the package may be imported there and nowhere else. */
const only = (name, rooms, packages) => ({
  name,
  severity: 'error',
  comment: `${packages} is imported in ${rooms.join(', ')} only`,
  from: { path: '^(src|machines)/', pathNot: rooms.map((room) => `^${room}(/|[.]ts$)`) },
  to: { path: `node_modules/(${packages})/` },
});

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      severity: 'error',
      comment: 'two files that import each other cannot be read alone: put a narrow interface between them',
      from: { path: OURS },
      to: { circular: true },
    },
    {
      name: 'resolvable',
      severity: 'error',
      comment:
        'an import that leads nowhere (#platform, #defaults and #sha256 lead into the build, which need not be there)',
      from: {},
      to: { couldNotResolve: true, pathNot: '^#(platform|defaults|sha256)$' },
    },
    {
      name: 'machines-import-xstate-only',
      severity: 'error',
      comment: 'the statecharts stand alone: they run in any app, in xstate/graph and in a browser',
      from: { path: '^machines/' },
      to: { pathNot: ['^machines/', 'node_modules/xstate/'] },
    },
    {
      name: 'errors-import-machines-only',
      severity: 'error',
      comment: 'errors are named everywhere, so they depend on nothing',
      from: { path: ERRORS },
      to: { path: OURS, pathNot: ['^machines/', ERRORS] },
    },
    {
      name: 'platform-imports-nothing-of-ours',
      severity: 'error',
      comment: 'platform is what differs between Node and a browser; it knows no format and no pipeline',
      from: { path: '^src/platform/' },
      to: { path: OURS, pathNot: ['^machines/', ERRORS, '^src/platform/'] },
    },
    {
      name: 'formats-import-platform-only',
      severity: 'error',
      comment: 'formats turn bytes into rows and back; they know no pipeline',
      from: { path: '^src/formats/' },
      to: { path: OURS, pathNot: ['^machines/', ERRORS, BASE] },
    },
    {
      name: 'limits-below-stages',
      severity: 'error',
      comment: 'a limiter knows rates and time, amounts know numbers: no stage, and not one another',
      from: { path: '^src/(limits|spending)/' },
      to: { path: OURS, pathNot: ['^machines/', ERRORS, BASE, '^src/$1/'] },
    },
    {
      name: 'limits-for-stages',
      severity: 'error',
      comment: 'sources, sinks, checkpoint, observers and recording know no limits',
      from: { path: '^src/(platform|formats|sources|sinks|checkpoint|observers|recording)/' },
      to: { path: '^src/limits/' },
    },
    {
      name: 'no-sideways-imports',
      severity: 'error',
      comment:
        'stages, sources, sinks, checkpoint, observers and recording know machines, platform and formats, not one another',
      from: { path: ROOM },
      to: { path: OURS, pathNot: ['^machines/', ERRORS, BASE, BELOW_STAGES, '^src/$1/'] },
    },
    {
      name: 'failures-are-pure',
      severity: 'error',
      comment:
        'decisions about failures are functions of an error: they know no stage, no attempt and no clock',
      from: { path: '^src/stages/failures/' },
      to: { path: OURS, pathNot: [ERRORS, BASE, '^src/stages/failures/'] },
    },
    {
      name: 'sql-keeps-contracts',
      severity: 'error',
      comment:
        'tables, queries and sessions in SQL are a sink, a source and a storage: they know the contracts, and no pipeline',
      from: { path: '^src/sql/' },
      to: {
        path: OURS,
        pathNot: [
          ...['^machines/', ERRORS, BASE, '^src/sql/', '^src/sinks/sink[.]ts$', '^src/sources/source[.]ts$'],
          '^src/checkpoint/(storage|session-id|journal/journal|lock/lock)[.]ts$',
        ],
      },
    },
    {
      name: 'pages-are-a-source',
      severity: 'error',
      comment: 'pages() is a source with the retry and the limits of stages: it knows no pipeline',
      from: { path: '^src/pages/' },
      to: {
        path: OURS,
        pathNot: [
          ...['^machines/', ERRORS, BASE, '^src/(pages|limits|stages)/'],
          '^src/sources/(source|source-pause|rows-batch|rows-hash)[.]ts$',
        ],
      },
    },
    {
      name: 'parquet-keeps-contracts',
      severity: 'error',
      comment:
        'parquet() is a source and a sink over files: it knows the contracts and the part file, and no pipeline',
      from: { path: '^src/parquet/' },
      to: {
        path: OURS,
        pathNot: [
          ...['^machines/', ERRORS, BASE, '^src/parquet/', '^src/sources/(source|rows-batch)[.]ts$'],
          '^src/sinks/(sink|file-sink|written-file|jsonl|dead-letter-path)[.]ts$',
        ],
      },
    },
    {
      name: 'executor-below-its-users',
      severity: 'error',
      comment:
        'the executor wires the rooms; it does not know history, sessions, testing, cli or the inspector',
      from: { path: '^src/executor/' },
      to: { path: OURS, pathNot: ['^machines/', ERRORS, BASE, BELOW_STAGES, ROOM, '^src/executor/'] },
    },
    {
      name: 'control-meets-rows-through-their-port',
      severity: 'error',
      comment:
        'session is control, rows is data: session imports src/executor/rows/rows.ts and nothing else of rows',
      from: { path: '^src/executor/(?!rows/|fusion/)' },
      to: { path: '^src/executor/rows/', pathNot: '^src/executor/rows/rows[.]ts$' },
    },
    {
      name: 'rows-know-no-control',
      severity: 'error',
      comment: 'rows and fusion work without a session: what both rooms need stands below them',
      from: { path: '^src/executor/(rows|fusion)/' },
      to: { path: '^src/executor/(session/|(pipeline|pipeline-executor|pipeline-machine|sessions)[.]ts$)' },
    },
    {
      name: 'ai-is-a-stage',
      severity: 'error',
      comment: 'src/ai makes stages: it knows how they are defined, and nothing of what runs them',
      from: { path: '^src/ai/' },
      to: { path: OURS, pathNot: ['^machines/', ERRORS, BASE, '^src/(ai|stages|limits|spending)/'] },
    },
    {
      name: 'ai-comes-in-through-its-entry',
      severity: 'error',
      comment: 'the AI SDK is an optional peer: nothing but src/ai.ts may bring it in',
      from: { path: '^(src|machines)/', pathNot: '^src/ai(/|[.]ts$)' },
      to: { path: '^src/ai(/|[.]ts$)' },
    },
    {
      name: 'web-observes',
      severity: 'error',
      comment: 'src/web turns the streams of a run into text for other programs; it knows no executor',
      from: { path: '^src/web/' },
      to: { path: OURS, pathNot: ['^machines/', ERRORS, BASE, '^src/(web|observers)/'] },
    },
    {
      name: 'otel-observes',
      severity: 'error',
      comment: 'src/otel is an observer and a tracing: it knows events, and no executor',
      from: { path: '^src/otel/' },
      to: { path: OURS, pathNot: ['^machines/', ERRORS, BASE, '^src/(otel|observers)/'] },
    },
    {
      name: 'otel-comes-in-through-its-entry',
      severity: 'error',
      comment:
        'the API of OpenTelemetry is an optional peer: src/otel.ts brings it in, and the command line on request',
      from: { path: '^(src|machines)/', pathNot: '^src/(otel(/|[.]ts$)|cli/)' },
      to: { path: '^src/otel(/|[.]ts$)' },
    },
    {
      name: 'react-comes-in-through-its-entry',
      severity: 'error',
      comment: 'React is an optional peer: nothing but src/react.ts may bring it in',
      from: { path: '^(src|machines)/', pathNot: '^src/react(/|[.]ts$)' },
      to: { path: '^src/react(/|[.]ts$)' },
    },
    {
      name: 'history-executes-nothing',
      severity: 'error',
      comment: 'replay, fork and diff read what is stored; they start no run and know no command line',
      from: { path: '^src/history/' },
      to: { path: '^src/(sessions|testing|cli|inspector)/|^src/executor/(rows|pipeline-executor)' },
    },
    {
      name: 'sessions-below-the-tops',
      severity: 'error',
      comment: 'stored sessions are found and listed without a command line',
      from: { path: '^src/sessions/' },
      to: { path: '^src/(testing|cli|inspector)/' },
    },
    {
      name: 'tops-apart',
      severity: 'error',
      comment: 'testing and cli stand on history and sessions, not on each other',
      from: { path: '^src/(testing|cli)/' },
      to: { path: '^src/(testing|cli)/', pathNot: '^src/$1/' },
    },
    {
      name: 'entry-points-are-for-users',
      severity: 'error',
      comment:
        'inside, import the file that holds the thing; entry points only export (cli may open what users open)',
      from: { path: '^(src|machines)/', pathNot: '^src/(cli|inspector)/' },
      to: { path: ENTRY },
    },
    {
      name: 'inspector-reads-recordings-only',
      severity: 'error',
      comment:
        'another package: it is bundled with what reads recordings, and knows nothing else of this one',
      from: { path: '^src/inspector/' },
      to: { path: OURS, pathNot: ['^src/inspector/', '^src/recording/'] },
    },
    {
      name: 'inspector-is-another-package',
      severity: 'error',
      comment: 'it brings an XState of its own, and is asked for by name where it is installed',
      from: { path: '^(src|machines)/', pathNot: '^src/inspector/' },
      to: { path: '^src/inspector/' },
    },
    {
      name: 'page-runs-in-a-browser',
      severity: 'error',
      comment:
        'the page shares only plain data and pure functions with its server: protocol.ts, chart.ts, host.ts, job/',
      from: { path: '^src/inspector/page/' },
      to: {
        path: ['^src/inspector/', `^(node:)?(${builtinModules.join('|')})$`],
        pathNot: '^src/inspector/(page/|job/|(protocol|chart|host)[.]ts$)',
      },
    },
    {
      name: 'server-knows-no-page',
      severity: 'error',
      comment: 'the page is bundled by itself, and served as it is',
      from: { path: '^src/inspector/', pathNot: '^src/inspector/page/' },
      to: { path: '^src/inspector/page/' },
    },
    {
      name: 'product-knows-no-tests',
      severity: 'error',
      comment: 'neither tests nor examples are shipped',
      from: { path: '^(src|machines)/' },
      to: { path: '^(test|examples)/' },
    },
    {
      name: 'no-undeclared-packages',
      severity: 'error',
      comment: 'a shipped file imports a package that a user who installs this one does not get',
      // The inspector has a package.json of its own, and test/packaging installs it.
      from: { path: '^(src|machines)/', pathNot: '^src/inspector/' },
      to: {
        dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown', 'npm-peer'],
        // Peers: there is one XState, and it is the user's. So are the AI SDK, React and OpenTelemetry's API and hyparquet, each for one room.
        pathNot: 'node_modules/(xstate|ai|react|@types/react|@opentelemetry/api|hyparquet|hyparquet-writer)/',
      },
    },
    {
      name: 'file-system-through-its-port',
      severity: 'error',
      comment:
        'node:fs behind the port of src/platform/file-system.ts, so that tests can fail, tear and count every call',
      from: { path: '^(src|machines)/', pathNot: '^src/(platform|checkpoint|cli|inspector|testing/crash)/' },
      to: { path: '^(node:)?fs(/promises)?$', dependencyTypesNot: ['type-only'] },
    },
    only(
      'xstate-in-its-rooms',
      ['machines', 'src/executor', 'src/history', 'src/observers', 'src/testing', 'src/inspector'],
      'xstate',
    ),
    only('ai-sdk-in-its-room', ['src/ai'], 'ai|@ai-sdk'),
    only('otel-in-its-room', ['src/otel'], '@opentelemetry'),
    only('react-in-its-room', ['src/react'], 'react|react-dom'),
    only('parquet-in-its-room', ['src/parquet'], 'hyparquet|hyparquet-writer'),
    only('lowdb-in-its-room', ['src/checkpoint'], 'lowdb|steno'),
    only('pino-in-its-room', ['src/observers'], 'pino'),
    only('csv-in-its-room', ['src/formats'], 'csv-parse|csv-stringify'),
    only('command-line-packages-in-cli', ['src/cli'], 'commander|jiti'),
  ],
  options: {
    doNotFollow: { path: ['node_modules', '(^|/)dist/'] },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      conditionNames: ['node', 'import', 'types', 'default'],
      exportsFields: ['exports'],
      extensions: ['.ts', '.tsx', '.js', '.mjs', '.cjs', '.json'],
    },
  },
};
