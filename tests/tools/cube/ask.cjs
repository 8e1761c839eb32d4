// Has Cube compile a data model, and answer queries from it.
//
// Typed in the folder of the model: node --env-file=cube.env ask.cjs < {"database": path or null, "queries": [...]}
// Prints what Cube understood, the SQL that it made of each query, and the rows that its DuckDB driver then read.
//
// The files of the model are read, compiled and queried by Cube's own code. The npm package of its native part holds
// a program that downloads the rest; here it is not run. What is missing then is Jinja, which the model must not need,
// and the newer of Cube's two planners of queries.

const tools = process.env.CUBE_TOOLS;
const load = (name) => require(require.resolve(name, { paths: [tools] }));

const { FileRepository, getEnv } = load('@cubejs-backend/shared');
const { prepareCompiler } = load('@cubejs-backend/schema-compiler');
const { DuckDBDriver } = load('@cubejs-backend/duckdb-driver');

const refuse = (name) => {
  throw new Error(`${name} is taken for a Jinja template`);
};
const settings = { timezone: 'UTC', useNativeSqlPlanner: false };
const withoutJinja = { newJinjaEngine: () => ({ loadTemplate: refuse, renderTemplate: refuse }) };

const sqlOf = (member) => {
  try {
    return member.sql();
  } catch (error) {
    return null; // it names other members, which only a query resolves
  }
};

async function main({ database, queries }) {
  const repository = new FileRepository(process.env.CUBEJS_SCHEMA_PATH);
  const compilers = prepareCompiler(repository, { nativeInstance: withoutJinja });
  await compilers.compiler.compile();
  const driver = database ? new DuckDBDriver({ databasePath: database }) : null;
  const Dialect = DuckDBDriver.dialectClass();
  const answers = [];
  for (const query of queries) {
    const [sql, parameters] = new Dialect(compilers, { ...settings, ...query }).buildSqlAndParams();
    answers.push({ sql, rows: driver ? await driver.query(sql, parameters) : null });
  }
  if (driver) await driver.release();
  return {
    environment: { database: getEnv('dbType', { dataSource: 'default' }), telemetry: getEnv('telemetry') },
    cubes: compilers.metaTransformer.cubes.map(({ config }) => ({
      ...config,
      joins: (compilers.cubeEvaluator.cubeFromPath(config.name).joins || []).map(({ name, relationship }) => ({
        name,
        relationship,
      })),
      sqls: Object.fromEntries(
        Object.entries(compilers.cubeEvaluator.cubeFromPath(config.name).dimensions).map(([name, member]) => [
          name,
          sqlOf(member),
        ]),
      ),
    })),
    answers,
  };
}

let input = '';
process.stdin.on('data', (piece) => (input += piece));
process.stdin.on('end', () => {
  main(JSON.parse(input)).then(
    (found) => process.stdout.write(JSON.stringify(found)),
    (error) => {
      process.stderr.write(`${error.message}\n`);
      process.exitCode = 1;
    },
  );
});
