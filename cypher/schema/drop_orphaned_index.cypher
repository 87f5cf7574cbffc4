// drop_orphaned_index: remove an index left behind by a killed server, so that its constraint can be created
//
// $name: string
// :param [{name}] => { RETURN 'customer_id' AS name }
DROP INDEX $name IF EXISTS
