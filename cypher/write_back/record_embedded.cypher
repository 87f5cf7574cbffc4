// record_embedded: record that the model in use embedded more nodes, so that cached answers may be outdated
MATCH (now:ModelInForce)
MATCH (m:Model {version: now.version})
WHERE m.dim IS NOT NULL
SET m.embedded = datetime(), m.embedded_until = m.until
